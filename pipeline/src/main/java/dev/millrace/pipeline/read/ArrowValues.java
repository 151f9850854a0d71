package dev.millrace.pipeline.read;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.DateDayVector;
import org.apache.arrow.vector.DateMilliVector;
import org.apache.arrow.vector.Decimal256Vector;
import org.apache.arrow.vector.DecimalVector;
import org.apache.arrow.vector.DurationVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.FixedSizeBinaryVector;
import org.apache.arrow.vector.Float2Vector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.LargeVarBinaryVector;
import org.apache.arrow.vector.LargeVarCharVector;
import org.apache.arrow.vector.SmallIntVector;
import org.apache.arrow.vector.TimeMicroVector;
import org.apache.arrow.vector.TimeMilliVector;
import org.apache.arrow.vector.TimeNanoVector;
import org.apache.arrow.vector.TimeSecVector;
import org.apache.arrow.vector.TimeStampVector;
import org.apache.arrow.vector.TinyIntVector;
import org.apache.arrow.vector.UInt1Vector;
import org.apache.arrow.vector.UInt2Vector;
import org.apache.arrow.vector.UInt4Vector;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.ValueVector;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.ViewVarBinaryVector;
import org.apache.arrow.vector.ViewVarCharVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.LargeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;

/** Reads cells of Arrow vectors as the values that the package describes. */
public final class ArrowValues {
  private final DictionaryProvider dictionaries;

  public ArrowValues(DictionaryProvider dictionaries) {
    this.dictionaries = dictionaries;
  }

  /**
   * The value of a cell; dictionary-encoded cells are looked up.
   *
   * @throws UnsupportedOperationException for a type that has no plain value (unions, intervals)
   */
  public Object value(ValueVector vector, int index) {
    if (vector.isNull(index)) {
      return null;
    }
    DictionaryEncoding encoding = vector.getField().getDictionary();
    if (encoding != null) {
      Dictionary dictionary = dictionaries.lookup(encoding.getId());
      return value(dictionary.getVector(), Math.toIntExact(integer(vector, index)));
    }
    return plain(vector, index);
  }

  private Object plain(ValueVector vector, int index) {
    return switch (vector.getMinorType()) {
      case TINYINT, SMALLINT, INT, BIGINT, UINT1, UINT2, UINT4, UINT8 -> integer(vector, index);
      case BIT -> ((BitVector) vector).get(index) != 0;
      case FLOAT2 -> ((Float2Vector) vector).getValueAsFloat(index);
      case FLOAT4 -> ((Float4Vector) vector).get(index);
      case FLOAT8 -> ((Float8Vector) vector).get(index);
      case VARCHAR -> Utf8.value(((VarCharVector) vector).get(index));
      case LARGEVARCHAR -> Utf8.value(((LargeVarCharVector) vector).get(index));
      case VIEWVARCHAR -> Utf8.value(((ViewVarCharVector) vector).get(index));
      case VARBINARY -> ((VarBinaryVector) vector).get(index);
      case LARGEVARBINARY -> ((LargeVarBinaryVector) vector).get(index);
      case VIEWVARBINARY -> ((ViewVarBinaryVector) vector).get(index);
      case FIXEDSIZEBINARY -> ((FixedSizeBinaryVector) vector).get(index);
      case DECIMAL -> ((DecimalVector) vector).getObject(index);
      case DECIMAL256 -> ((Decimal256Vector) vector).getObject(index);
      case LIST, MAP -> elements((ListVector) vector, index);
      case LARGELIST -> {
        LargeListVector list = (LargeListVector) vector;
        yield elements(
            list.getDataVector(), list.getElementStartIndex(index), list.getElementEndIndex(index));
      }
      case FIXED_SIZE_LIST -> {
        FixedSizeListVector list = (FixedSizeListVector) vector;
        yield elements(
            list.getDataVector(), list.getElementStartIndex(index), list.getElementEndIndex(index));
      }
      case STRUCT -> struct((StructVector) vector, index);
      default -> time(vector, index);
    };
  }

  private Object time(ValueVector vector, int index) {
    return switch (vector.getMinorType()) {
      case DATEDAY -> (long) ((DateDayVector) vector).get(index);
      case DATEMILLI -> ((DateMilliVector) vector).get(index);
      case TIMESEC -> (long) ((TimeSecVector) vector).get(index);
      case TIMEMILLI -> (long) ((TimeMilliVector) vector).get(index);
      case TIMEMICRO -> ((TimeMicroVector) vector).get(index);
      case TIMENANO -> ((TimeNanoVector) vector).get(index);
      case TIMESTAMPSEC,
          TIMESTAMPMILLI,
          TIMESTAMPMICRO,
          TIMESTAMPNANO,
          TIMESTAMPSECTZ,
          TIMESTAMPMILLITZ,
          TIMESTAMPMICROTZ,
          TIMESTAMPNANOTZ ->
          ((TimeStampVector) vector).get(index);
      case DURATION -> DurationVector.get(((DurationVector) vector).getDataBuffer(), index);
      default ->
          throw new UnsupportedOperationException(
              "column " + vector.getName() + " of type " + vector.getField().getType());
    };
  }

  private static long integer(ValueVector vector, int index) {
    return switch (vector.getMinorType()) {
      case TINYINT -> ((TinyIntVector) vector).get(index);
      case SMALLINT -> ((SmallIntVector) vector).get(index);
      case INT -> ((IntVector) vector).get(index);
      case BIGINT -> ((BigIntVector) vector).get(index);
      case UINT1 -> Byte.toUnsignedLong(((UInt1Vector) vector).get(index));
      case UINT2 -> ((UInt2Vector) vector).get(index);
      case UINT4 -> Integer.toUnsignedLong(((UInt4Vector) vector).get(index));
      case UINT8 -> ((UInt8Vector) vector).get(index);
      default ->
          throw new UnsupportedOperationException(
              "column " + vector.getName() + " of type " + vector.getField().getType());
    };
  }

  private List<Object> elements(ListVector list, int index) {
    return elements(
        list.getDataVector(), list.getElementStartIndex(index), list.getElementEndIndex(index));
  }

  private List<Object> elements(ValueVector elements, long start, long end) {
    List<Object> values = new ArrayList<>((int) (end - start));
    for (int i = (int) start; i < end; i++) {
      values.add(value(elements, i));
    }
    return values;
  }

  private Map<String, Object> struct(StructVector vector, int index) {
    Map<String, Object> values = new LinkedHashMap<>();
    for (FieldVector child : vector.getChildrenFromFields()) {
      values.put(child.getName(), value(child, index));
    }
    return values;
  }
}

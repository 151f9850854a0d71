package dev.millrace.pipeline.write;

import dev.millrace.pipeline.read.JsonType;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.DateDayVector;
import org.apache.arrow.vector.Decimal256Vector;
import org.apache.arrow.vector.DecimalVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.FixedSizeBinaryVector;
import org.apache.arrow.vector.Float2Vector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.SmallIntVector;
import org.apache.arrow.vector.TimeMicroVector;
import org.apache.arrow.vector.TimeMilliVector;
import org.apache.arrow.vector.TimeNanoVector;
import org.apache.arrow.vector.TimeStampVector;
import org.apache.arrow.vector.TinyIntVector;
import org.apache.arrow.vector.UInt1Vector;
import org.apache.arrow.vector.UInt2Vector;
import org.apache.arrow.vector.UInt4Vector;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.StructVector;

/** Puts values into Arrow vectors of the types that Parquet and JSON columns and answers have. */
final class ArrowFieldWriter {
  private ArrowFieldWriter() {}

  static void set(FieldVector vector, int index, Object value) throws IOException {
    if (value == null) {
      vector.setNull(index);
      return;
    }
    switch (vector.getMinorType()) {
      case BIT -> ((BitVector) vector).setSafe(index, (Boolean) value ? 1 : 0);
      case TINYINT, SMALLINT, INT, BIGINT, UINT1, UINT2, UINT4, UINT8 ->
          integer(vector, index, ((Number) value).longValue());
      case FLOAT2 ->
          ((Float2Vector) vector).setSafeWithPossibleTruncate(index, ((Number) value).floatValue());
      case FLOAT4 -> ((Float4Vector) vector).setSafe(index, ((Number) value).floatValue());
      case FLOAT8 -> ((Float8Vector) vector).setSafe(index, ((Number) value).doubleValue());
      case VARCHAR -> ((VarCharVector) vector).setSafe(index, text(vector, value));
      case VARBINARY -> ((VarBinaryVector) vector).setSafe(index, (byte[]) value);
      case FIXEDSIZEBINARY -> ((FixedSizeBinaryVector) vector).setSafe(index, (byte[]) value);
      case DECIMAL -> ((DecimalVector) vector).setSafe(index, (BigDecimal) value);
      case DECIMAL256 -> ((Decimal256Vector) vector).setSafe(index, (BigDecimal) value);
      case LIST, MAP -> list((ListVector) vector, index, (List<?>) value);
      case STRUCT -> struct((StructVector) vector, index, (Map<?, ?>) value);
      default -> time(vector, index, (Long) value);
    }
  }

  private static void integer(FieldVector vector, int index, long value) {
    switch (vector.getMinorType()) {
      case TINYINT -> ((TinyIntVector) vector).setSafe(index, (byte) value);
      case SMALLINT -> ((SmallIntVector) vector).setSafe(index, (short) value);
      case INT -> ((IntVector) vector).setSafe(index, (int) value);
      case BIGINT -> ((BigIntVector) vector).setSafe(index, value);
      case UINT1 -> ((UInt1Vector) vector).setSafe(index, (byte) value);
      case UINT2 -> ((UInt2Vector) vector).setSafe(index, (char) value);
      case UINT4 -> ((UInt4Vector) vector).setSafe(index, (int) value);
      case UINT8 -> ((UInt8Vector) vector).setSafe(index, value);
      default -> throw new IllegalStateException("no integer vector: " + vector.getMinorType());
    }
  }

  private static void time(FieldVector vector, int index, long value) {
    switch (vector.getMinorType()) {
      case DATEDAY -> ((DateDayVector) vector).setSafe(index, (int) value);
      case TIMEMILLI -> ((TimeMilliVector) vector).setSafe(index, (int) value);
      case TIMEMICRO -> ((TimeMicroVector) vector).setSafe(index, value);
      case TIMENANO -> ((TimeNanoVector) vector).setSafe(index, value);
      case TIMESTAMPMILLI,
          TIMESTAMPMICRO,
          TIMESTAMPNANO,
          TIMESTAMPMILLITZ,
          TIMESTAMPMICROTZ,
          TIMESTAMPNANOTZ ->
          ((TimeStampVector) vector).setSafe(index, value);
      default -> throw new IllegalStateException("no Arrow value for " + vector.getField());
    }
  }

  private static byte[] text(FieldVector vector, Object value) throws IOException {
    if (vector.getField().getMetadata().containsKey(JsonType.JSON_TEXT)) {
      return JsonValues.text(value).getBytes(StandardCharsets.UTF_8);
    }
    return value instanceof byte[] bytes
        ? bytes
        : ((String) value).getBytes(StandardCharsets.UTF_8);
  }

  private static void list(ListVector vector, int index, List<?> values) throws IOException {
    int start = vector.startNewValue(index);
    FieldVector elements = vector.getDataVector();
    for (int i = 0; i < values.size(); i++) {
      set(elements, start + i, values.get(i));
    }
    vector.endValue(index, values.size());
  }

  private static void struct(StructVector vector, int index, Map<?, ?> values) throws IOException {
    vector.setIndexDefined(index);
    for (FieldVector child : vector.getChildrenFromFields()) {
      set(child, index, values.get(child.getName()));
    }
  }
}

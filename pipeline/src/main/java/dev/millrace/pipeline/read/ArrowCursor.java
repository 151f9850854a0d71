package dev.millrace.pipeline.read;

import dev.millrace.pipeline.job.InvalidInputException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.util.DictionaryUtility;

/** Rows of an Arrow file or stream; dictionary-encoded columns appear with their values. */
final class ArrowCursor implements RowCursor {
  private final InputFile file;
  private final ArrowInput input;
  private final ArrowValues values;
  private final Map<String, Integer> positions = new HashMap<>();
  private int[] selected;
  private int row = -1;
  private int rows;

  ArrowCursor(InputFile file) throws IOException {
    this.file = file;
    this.input = new ArrowInput(file);
    this.values = new ArrowValues(input.dictionaries());
    select(input.schema().getFields().stream().map(Field::getName).toList());
  }

  @Override
  public List<Field> columns() {
    try {
      List<Field> fields = new ArrayList<>();
      for (Field field : input.schema().getFields()) {
        fields.add(decoded(field));
      }
      return fields;
    } catch (IOException e) {
      throw new InvalidInputException("cannot read the schema of " + file.location(), e);
    }
  }

  /** A field as it is once dictionaries are looked up. */
  private Field decoded(Field field) {
    DictionaryEncoding encoding = field.getDictionary();
    List<Field> children = field.getChildren();
    ArrowType type = field.getType();
    if (encoding != null) {
      Dictionary dictionary = input.dictionaries().lookup(encoding.getId());
      if (dictionary != null) {
        Field value = dictionary.getVector().getField();
        type = value.getType();
        children = value.getChildren();
      } else {
        Field value =
            DictionaryUtility.toMessageFormat(field, input.dictionaries(), new HashSet<>());
        type = value.getType();
        children = value.getChildren();
      }
    }
    return new Field(
        field.getName(),
        new FieldType(field.isNullable(), type, null, field.getMetadata()),
        children.stream().map(this::decoded).toList());
  }

  @Override
  public void select(List<String> columns) {
    try {
      List<String> all = input.schema().getFields().stream().map(Field::getName).toList();
      selected = columns.stream().mapToInt(all::indexOf).toArray();
    } catch (IOException e) {
      throw new InvalidInputException("cannot read the schema of " + file.location(), e);
    }
    positions.clear();
    for (int i = 0; i < columns.size(); i++) {
      positions.put(columns.get(i), i);
    }
  }

  @Override
  public Row next() throws IOException {
    row++;
    while (row >= rows) {
      if (!input.nextBatch()) {
        rows = 0;
        return null;
      }
      rows = input.root().getRowCount();
      row = 0;
    }
    List<FieldVector> vectors = input.root().getFieldVectors();
    Object[] cells = new Object[selected.length];
    for (int i = 0; i < cells.length; i++) {
      try {
        cells[i] = values.value(vectors.get(selected[i]), row);
      } catch (UnsupportedOperationException e) {
        throw new InvalidInputException(
            "expected a column that can be read as values, found "
                + e.getMessage()
                + " (file="
                + file.location()
                + "); drop the column, or keep the input's format as output format",
            e);
      }
    }
    return new ArrayRow(positions, cells);
  }

  @Override
  public void close() throws IOException {
    input.close();
  }
}

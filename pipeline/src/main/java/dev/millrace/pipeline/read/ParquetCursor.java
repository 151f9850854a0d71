package dev.millrace.pipeline.read;

import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.MessageColumnIO;
import org.apache.parquet.io.RecordReader;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Type;

/** Rows of a Parquet file; reads only the selected columns, a row group at a time. */
final class ParquetCursor implements RowCursor {
  private final InputFile file;
  private final ParquetFileReader reader;
  private final MessageType schema;
  private final Map<String, Integer> positions = new HashMap<>();
  private MessageType selected;
  private MessageColumnIO columns;
  private RecordReader<Object[]> records;
  private long recordsLeft;
  private int rowGroup = -1;

  ParquetCursor(InputFile file) throws IOException {
    this.file = file;
    this.reader = ParquetInput.open(file);
    this.schema = reader.getFileMetaData().getSchema();
    select(schema.getFields().stream().map(Type::getName).toList());
  }

  @Override
  public List<Field> columns() {
    return ParquetSchemas.fields(schema);
  }

  @Override
  public void select(List<String> names) {
    List<Type> types = names.stream().map(schema::getType).toList();
    selected = new MessageType(schema.getName(), types);
    positions.clear();
    for (int i = 0; i < names.size(); i++) {
      positions.put(names.get(i), i);
    }
    String createdBy = reader.getFileMetaData().getCreatedBy();
    columns = new ColumnIOFactory(createdBy).getColumnIO(selected, schema);
    reader.setRequestedSchema(selected);
  }

  @Override
  public Row next() throws IOException {
    try {
      while (recordsLeft == 0) {
        PageReadStore pages = reader.readNextRowGroup();
        if (pages == null) {
          return null;
        }
        rowGroup++;
        recordsLeft = pages.getRowCount();
        records = columns.getRecordReader(pages, new ParquetValues(selected));
      }
      recordsLeft--;
      return new ArrayRow(positions, records.read());
    } catch (RuntimeException | IOException e) {
      throw file.damaged("row group " + Math.max(0, rowGroup), e);
    }
  }

  @Override
  public void close() throws IOException {
    reader.close();
  }
}

package dev.millrace.pipeline.host;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;

/** Replies as rows: {@code kind: utf8}, {@code key: int64}, {@code body: binary}. */
final class ReplyLayout implements MessageStream.Layout<Reply> {
  private static final Schema SCHEMA =
      new Schema(
          List.of(
              Field.notNullable("kind", ArrowType.Utf8.INSTANCE),
              Field.notNullable("key", new ArrowType.Int(64, true)),
              Field.notNullable("body", ArrowType.Binary.INSTANCE)));

  @Override
  public Schema schema() {
    return SCHEMA;
  }

  @Override
  public void put(VectorSchemaRoot root, int row, Reply reply) {
    byte[] kind = reply.kind().name().getBytes(StandardCharsets.US_ASCII);
    ((VarCharVector) root.getVector("kind")).setSafe(row, kind);
    ((BigIntVector) root.getVector("key")).setSafe(row, reply.key());
    ((VarBinaryVector) root.getVector("body")).setSafe(row, reply.body());
  }

  @Override
  public Reply get(VectorSchemaRoot root, int row) {
    byte[] kind = ((VarCharVector) root.getVector("kind")).get(row);
    return new Reply(
        Reply.Kind.valueOf(new String(kind, StandardCharsets.US_ASCII)),
        ((BigIntVector) root.getVector("key")).get(row),
        ((VarBinaryVector) root.getVector("body")).get(row));
  }
}

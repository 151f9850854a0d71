package dev.millrace.pipeline.host;

import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.pipeline.group.SamplingJson;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Orders as rows: {@code kind: utf8}, {@code key: int64}, and for requests {@code id: utf8}, {@code
 * tokens: list<int32>} or {@code prompt: utf8} (JSON), {@code continuation: utf8} (JSON), {@code
 * sampling: utf8} (JSON). One instance for each stream: neighbours tend to share their settings.
 */
final class OrderLayout implements MessageStream.Layout<Order> {
  private static final Schema SCHEMA =
      new Schema(
          List.of(
              Field.notNullable("kind", ArrowType.Utf8.INSTANCE),
              Field.notNullable("key", new ArrowType.Int(64, true)),
              Field.nullable("id", ArrowType.Utf8.INSTANCE),
              new Field(
                  "tokens",
                  FieldType.nullable(ArrowType.List.INSTANCE),
                  List.of(Field.notNullable("element", new ArrowType.Int(32, true)))),
              Field.nullable("prompt", ArrowType.Utf8.INSTANCE),
              Field.nullable("continuation", ArrowType.Utf8.INSTANCE),
              Field.nullable("sampling", ArrowType.Utf8.INSTANCE)));

  private SamplingSettings lastSettings;
  private String lastJson;

  @Override
  public Schema schema() {
    return SCHEMA;
  }

  @Override
  public void put(VectorSchemaRoot root, int row, Order order) {
    text(root, "kind", row, order.kind().name());
    ((BigIntVector) root.getVector("key")).setSafe(row, order.key());
    GenerationRequest request = order.request();
    if (request == null) {
      return;
    }
    text(root, "id", row, request.id());
    if (request.prompt() instanceof Prompt.Tokens tokens) {
      tokens(root, row, tokens.tokenIds());
    } else {
      text(root, "prompt", row, PromptJson.write(request.prompt()));
    }
    if (request.continuation() != null) {
      text(root, "continuation", row, PromptJson.write(request.continuation()));
    }
    if (!request.sampling().equals(lastSettings)) {
      lastSettings = request.sampling();
      lastJson = SamplingJson.write(lastSettings);
    }
    text(root, "sampling", row, lastJson);
  }

  private static void text(VectorSchemaRoot root, String column, int row, String value) {
    ((VarCharVector) root.getVector(column)).setSafe(row, value.getBytes(StandardCharsets.UTF_8));
  }

  private static void tokens(VectorSchemaRoot root, int row, int[] tokens) {
    ListVector list = (ListVector) root.getVector("tokens");
    IntVector elements = (IntVector) list.getDataVector();
    int at = list.startNewValue(row);
    for (int i = 0; i < tokens.length; i++) {
      elements.setSafe(at + i, tokens[i]);
    }
    list.endValue(row, tokens.length);
  }

  @Override
  public Order get(VectorSchemaRoot root, int row) throws IOException {
    Order.Kind kind = Order.Kind.valueOf(text(root, "kind", row));
    long key = ((BigIntVector) root.getVector("key")).get(row);
    if (kind != Order.Kind.SUBMIT) {
      return Order.of(kind, key);
    }
    String continuation = text(root, "continuation", row);
    String json = text(root, "sampling", row);
    if (!json.equals(lastJson)) {
      lastJson = json;
      lastSettings = SamplingJson.read(json, null);
    }
    GenerationRequest request =
        new GenerationRequest(
            text(root, "id", row),
            prompt(root, row),
            continuation == null ? null : PromptJson.read(continuation),
            lastSettings);
    return Order.submit(key, request);
  }

  private static Prompt prompt(VectorSchemaRoot root, int row) throws IOException {
    ListVector list = (ListVector) root.getVector("tokens");
    if (list.isNull(row)) {
      return PromptJson.read(text(root, "prompt", row));
    }
    IntVector elements = (IntVector) list.getDataVector();
    int start = list.getElementStartIndex(row);
    int[] tokens = new int[list.getElementEndIndex(row) - start];
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = elements.get(start + i);
    }
    return new Prompt.Tokens(tokens);
  }

  private static String text(VectorSchemaRoot root, String column, int row) {
    VarCharVector vector = (VarCharVector) root.getVector(column);
    return vector.isNull(row) ? null : new String(vector.get(row), StandardCharsets.UTF_8);
  }
}

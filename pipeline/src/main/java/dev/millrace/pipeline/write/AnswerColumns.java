package dev.millrace.pipeline.write;

import dev.millrace.api.request.Choice;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.TokenLogprob;
import dev.millrace.pipeline.group.StageManifest.AnswerShape;
import dev.millrace.pipeline.job.OutputSettings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;

/**
 * The columns that a job adds to its rows: the answer, the error, what is known about it, and where
 * rows ask for them log-probabilities, token ids and scores. With more than one choice a row, what
 * belongs to a choice is a list.
 */
final class AnswerColumns {
  private static final ArrowType TEXT = ArrowType.Utf8.INSTANCE;
  private static final ArrowType INT = new ArrowType.Int(32, true);
  private static final ArrowType LONG = new ArrowType.Int(64, true);
  private static final ArrowType FLOAT = new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE);
  private static final ArrowType DOUBLE =
      new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE);

  private final AnswerShape shape;
  private final boolean tokenIds;
  private final String model;
  private final List<Field> fields;

  AnswerColumns(OutputSettings output, AnswerShape shape, String model) {
    this.shape = shape;
    this.tokenIds = output.tokenIds();
    this.model = model;
    String name = output.column();
    List<Field> columns = new ArrayList<>();
    columns.add(perChoice(scalar(name, TEXT)));
    columns.add(scalar(name + "_error", TEXT));
    columns.add(meta(name + "_meta"));
    if (tokenIds) {
      columns.add(perChoice(list(name + "_token_ids", scalar("element", INT))));
    }
    if (shape.logprobs()) {
      columns.add(perChoice(list(name + "_logprobs", logprob())));
    }
    if (shape.promptLogprobs()) {
      columns.add(list(name + "_prompt_logprobs", logprob()));
    }
    if (shape.scoring()) {
      columns.add(
          struct(
              name + "_score",
              scalar("logprob", DOUBLE),
              scalar("tokens", INT),
              scalar("is_greedy", ArrowType.Bool.INSTANCE)));
    }
    this.fields = List.copyOf(columns);
  }

  private static Field scalar(String name, ArrowType type) {
    return new Field(name, FieldType.nullable(type), null);
  }

  private static Field list(String name, Field element) {
    return new Field(name, FieldType.nullable(ArrowType.List.INSTANCE), List.of(element));
  }

  private static Field struct(String name, Field... fields) {
    return new Field(name, FieldType.nullable(ArrowType.Struct.INSTANCE), List.of(fields));
  }

  private Field perChoice(Field field) {
    if (shape.choicesMax() == 1) {
      return field;
    }
    Field element = new Field("element", FieldType.nullable(field.getType()), field.getChildren());
    return list(field.getName(), element);
  }

  private Field meta(String name) {
    return struct(
        name,
        perChoice(scalar("finish_reason", TEXT)),
        perChoice(scalar("stopped_by", TEXT)),
        scalar("prompt_tokens", INT),
        scalar("cached_tokens", INT),
        scalar("output_tokens", INT),
        perChoice(scalar("seed", LONG)),
        scalar("failure_reason", TEXT),
        scalar("model", TEXT));
  }

  private static Field logprob() {
    Field top = struct("element", scalar("token_id", INT), scalar("logprob", FLOAT));
    return struct("element", scalar("token_id", INT), scalar("logprob", FLOAT), list("top", top));
  }

  /** The columns, in order. */
  List<Field> fields() {
    return fields;
  }

  /** Their values for one row, in the same order. */
  Object[] values(Completion completion) {
    List<Object> values = new ArrayList<>(fields.size());
    boolean failed = completion.isFailed();
    boolean scored = !failed && isScored(completion);
    values.add(failed || scored ? null : perChoice(completion, Choice::text));
    values.add(
        failed ? completion.failure().reason() + ": " + completion.failure().message() : null);
    values.add(meta(completion));
    if (tokenIds) {
      values.add(failed || scored ? null : perChoice(completion, c -> ids(c.tokenIds())));
    }
    if (shape.logprobs()) {
      values.add(failed ? null : perChoice(completion, c -> logprobs(c.logprobs())));
    }
    if (shape.promptLogprobs()) {
      values.add(failed ? null : logprobs(completion.promptLogprobs()));
    }
    if (shape.scoring()) {
      values.add(scored ? score(completion.choices().get(0)) : null);
    }
    return values.toArray();
  }

  private static boolean isScored(Completion completion) {
    return !completion.choices().isEmpty()
        && completion.choices().get(0).finishReason()
            == dev.millrace.api.request.FinishReason.SCORED;
  }

  private Object perChoice(Completion completion, Function<Choice, Object> value) {
    if (shape.choicesMax() == 1) {
      return completion.choices().isEmpty() ? null : value.apply(completion.choices().get(0));
    }
    List<Object> values = new ArrayList<>();
    completion.choices().forEach(c -> values.add(value.apply(c)));
    return values;
  }

  private Map<String, Object> meta(Completion completion) {
    boolean failed = completion.isFailed();
    Map<String, Object> meta = new LinkedHashMap<>();
    meta.put(
        "finish_reason",
        failed
            ? null
            : perChoice(completion, c -> c.finishReason().name().toLowerCase(Locale.ROOT)));
    meta.put("stopped_by", failed ? null : perChoice(completion, Choice::stoppedBy));
    meta.put("prompt_tokens", failed ? null : (long) completion.usage().promptTokens());
    meta.put("cached_tokens", failed ? null : (long) completion.usage().cachedTokens());
    meta.put("output_tokens", failed ? null : (long) completion.usage().outputTokens());
    meta.put("seed", failed ? null : perChoice(completion, Choice::seed));
    meta.put("failure_reason", failed ? completion.failure().reason().name() : null);
    meta.put("model", model);
    return meta;
  }

  private static List<Object> ids(int[] tokens) {
    List<Object> ids = new ArrayList<>(tokens.length);
    for (int token : tokens) {
      ids.add((long) token);
    }
    return ids;
  }

  static List<Object> logprobs(List<TokenLogprob> logprobs) {
    List<Object> values = new ArrayList<>(logprobs.size());
    for (TokenLogprob logprob : logprobs) {
      List<Object> top = new ArrayList<>();
      for (int i = 0; i < logprob.topTokenIds().length; i++) {
        top.add(entry(logprob.topTokenIds()[i], logprob.topLogprobs()[i]));
      }
      Map<String, Object> value = entry(logprob.tokenId(), logprob.logprob());
      value.put("top", top);
      values.add(value);
    }
    return values;
  }

  private static Map<String, Object> entry(int token, float logprob) {
    Map<String, Object> entry = new LinkedHashMap<>();
    entry.put("token_id", (long) token);
    entry.put("logprob", logprob);
    return entry;
  }

  private static Map<String, Object> score(Choice choice) {
    Map<String, Object> score = new LinkedHashMap<>();
    score.put("logprob", choice.cumulativeLogprob());
    score.put("tokens", (long) choice.tokenIds().length);
    score.put("is_greedy", isGreedy(choice.logprobs()));
    return score;
  }

  /** Whether every token is the most likely one; null if the engine did not say. */
  private static Boolean isGreedy(List<TokenLogprob> logprobs) {
    for (TokenLogprob logprob : logprobs) {
      if (logprob.topTokenIds().length == 0) {
        return null;
      }
      if (logprob.topTokenIds()[0] != logprob.tokenId()) {
        return false;
      }
    }
    return logprobs.isEmpty() ? null : true;
  }
}

package dev.millrace.pipeline.job;

import java.io.Serializable;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Which input columns mean what. At most one of {@code prompt}, {@code messages} and {@code
 * tokenIds} is named; with none, the column is found by name: {@code prompt}, {@code messages},
 * {@code prompt_token_ids} or {@code input_ids}, of which exactly one must be there. Without such a
 * name lines with {@code custom_id} and {@code body} are OpenAI batch lines, and take no other name
 * either.
 *
 * @param prompt text column, or null
 * @param messages column of a conversation (list of role and content, or the same as JSON text), or
 *     null
 * @param tokenIds column of token ids, or null
 * @param id column that names the row, unique over all files; null names rows by file and index
 * @param continuation text column that is scored after the prompt in place of generating, or null
 * @param settings column of sampling settings of the row (struct or JSON text with the usual
 *     names); null looks for {@code sampling_params}
 * @param overrides sampling setting (for example {@code max_tokens}) to the column that holds it.
 *     Only named columns override: a column that happens to be called {@code temperature} does not
 */
public record ColumnSettings(
    String prompt,
    String messages,
    String tokenIds,
    String id,
    String continuation,
    String settings,
    Map<String, String> overrides)
    implements Serializable {
  public ColumnSettings {
    overrides = Collections.unmodifiableMap(new TreeMap<>(overrides));
    if (Stream.of(prompt, messages, tokenIds).filter(Objects::nonNull).count() > 1) {
      throw new InvalidInputException(
          "expected one prompt column, found several named (prompt="
              + prompt
              + ", messages="
              + messages
              + ", token ids="
              + tokenIds
              + "); name one");
    }
  }

  /** Everything found by name. */
  public static ColumnSettings automatic() {
    return new ColumnSettings(null, null, null, null, null, null, Map.of());
  }

  /** Whether one of {@code prompt}, {@code messages} and {@code tokenIds} is named. */
  public boolean namesPrompt() {
    return prompt != null || messages != null || tokenIds != null;
  }

  public ColumnSettings withPrompt(String column) {
    return new ColumnSettings(column, null, null, id, continuation, settings, overrides);
  }

  public ColumnSettings withMessages(String column) {
    return new ColumnSettings(null, column, null, id, continuation, settings, overrides);
  }

  public ColumnSettings withTokenIds(String column) {
    return new ColumnSettings(null, null, column, id, continuation, settings, overrides);
  }

  public ColumnSettings withId(String column) {
    return new ColumnSettings(
        prompt, messages, tokenIds, column, continuation, settings, overrides);
  }

  public ColumnSettings withContinuation(String column) {
    return new ColumnSettings(prompt, messages, tokenIds, id, column, settings, overrides);
  }

  public ColumnSettings withSettings(String column) {
    return new ColumnSettings(prompt, messages, tokenIds, id, continuation, column, overrides);
  }

  public ColumnSettings withOverrides(Map<String, String> settingToColumn) {
    return new ColumnSettings(
        prompt, messages, tokenIds, id, continuation, settings, settingToColumn);
  }
}

package dev.millrace.jobs.evaluate.prompt;

import dev.millrace.api.request.ChatMessage;
import dev.millrace.jobs.evaluate.data.DataRow;
import dev.millrace.jobs.evaluate.request.ModelRequest;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * One repeat of one row, with all that is asked about it.
 *
 * @param row the row
 * @param repeat from 0
 * @param cluster what it shares with others, or null
 * @param prompt rendered, or null for a chat
 * @param messages the chat, or empty
 * @param target expected answer, or null
 * @param targets further accepted ones
 * @param choices of multiple choice, as scored, or empty
 * @param choiceBytes UTF-8 bytes of each choice without what stands before it
 * @param targetIndex the right choice, or null
 * @param units for perplexity the words and bytes of the text, else empty
 * @param seed of the draws, or null
 * @param requests one for generation, one a choice, one a window
 */
public record Item(
    DataRow row,
    int repeat,
    String cluster,
    String prompt,
    List<ChatMessage> messages,
    String target,
    List<String> targets,
    List<String> choices,
    List<Integer> choiceBytes,
    Integer targetIndex,
    Map<String, Double> units,
    Long seed,
    List<ModelRequest> requests) {
  public Item {
    Objects.requireNonNull(row, "row");
    messages = List.copyOf(messages);
    targets = List.copyOf(targets);
    choices = List.copyOf(choices);
    choiceBytes = List.copyOf(choiceBytes);
    units = Map.copyOf(units);
    requests = List.copyOf(requests);
  }
}

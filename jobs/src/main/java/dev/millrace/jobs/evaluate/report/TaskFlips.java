package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.evaluate.result.TaskResult;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * The rows of one task that are worth looking at.
 *
 * @param task the task
 * @param shown those that are shown, the largest changes first
 * @param counts how many there are of each kind, shown or not
 */
record TaskFlips(TaskResult task, List<Flip> shown, Map<Flip.Kind, Long> counts) {
  TaskFlips {
    shown = List.copyOf(shown);
    Map<Flip.Kind, Long> copy = new EnumMap<>(Flip.Kind.class);
    copy.putAll(counts);
    counts = java.util.Collections.unmodifiableMap(copy);
  }

  long count(Flip.Kind kind) {
    return counts.getOrDefault(kind, 0L);
  }

  long all() {
    return counts.values().stream().mapToLong(Long::longValue).sum();
  }
}

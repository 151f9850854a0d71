package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.evaluate.result.NightResult;
import java.util.List;

/**
 * All that the page shows.
 *
 * @param night the night
 * @param history of its tasks
 * @param rows the rows worth looking at, by task in the night's order
 * @param compared whether there is an accepted night whose rows could be compared
 */
record Page(NightResult night, History history, List<TaskFlips> rows, boolean compared) {
  Page {
    rows = List.copyOf(rows);
  }

  long count(Flip.Kind kind) {
    return rows.stream().mapToLong(task -> task.count(kind)).sum();
  }
}

package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.evaluate.result.EvaluationFolder;
import dev.millrace.jobs.evaluate.result.Interval;
import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.jobs.evaluate.result.NightResult;
import dev.millrace.jobs.evaluate.result.TaskResult;
import dev.millrace.jobs.evaluate.result.Verdict;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The scores of each task over the nights up to one, oldest first. */
final class History {
  private static final int NIGHTS_MAX = 60;

  private final Map<String, List<Point>> points = new HashMap<>();
  private final List<String> unreadable = new ArrayList<>();
  private int nights;

  /**
   * One night of one task.
   *
   * @param night its id
   * @param at when it began
   * @param score null if no row was scored
   * @param interval of the score, or null
   * @param verdict of the task
   */
  record Point(String night, Instant at, double score, Interval interval, Verdict verdict) {}

  private History() {}

  /** Reads the last nights up to and with this one; a night that cannot be read is left out. */
  static History read(EvaluationFolder evaluation, NightResult tonight) throws IOException {
    History history = new History();
    List<NightResult> found = new ArrayList<>();
    List<NightFolder> folders = evaluation.nights();
    for (int i = folders.size() - 1; i >= 0 && found.size() < NIGHTS_MAX; i--) {
      NightFolder folder = folders.get(i);
      String name = folder.path().getFileName().toString();
      if (!folder.isFinished() || name.equals(tonight.nightId())) {
        continue;
      }
      try {
        NightResult night = folder.read();
        if (!night.started().isAfter(tonight.started())) {
          found.add(0, night);
        }
      } catch (IOException | IllegalArgumentException e) {
        history.unreadable.add(name);
      }
    }
    found.forEach(history::add);
    history.add(tonight);
    return history;
  }

  private void add(NightResult night) {
    nights++;
    for (TaskResult task : night.tasks()) {
      if (task.metric().score() != null) {
        points
            .computeIfAbsent(key(task), key -> new ArrayList<>())
            .add(
                new Point(
                    night.nightId(),
                    night.started(),
                    task.metric().score(),
                    task.metric().interval(),
                    task.gate().verdict()));
      }
    }
  }

  private static String key(TaskResult task) {
    return task.model() + "\n" + task.suite() + "\n" + task.task() + "\n" + task.metric().name();
  }

  List<Point> of(TaskResult task) {
    return points.getOrDefault(key(task), List.of());
  }

  int nights() {
    return nights;
  }

  /** Names of nights whose results could not be read. */
  List<String> unreadable() {
    return unreadable;
  }
}

package dev.millrace.jobs.evaluate.run;

import dev.millrace.jobs.evaluate.result.TaskResult;
import dev.millrace.jobs.evaluate.result.Verdict;
import java.util.List;
import java.util.stream.Collectors;

/** The verdict of a night in one sentence. */
final class NightSummary {
  private static final int NAMED_MAX = 5;

  private NightSummary() {}

  static String sentence(Verdict verdict, List<TaskResult> tasks, boolean compared) {
    List<TaskResult> those =
        tasks.stream().filter(task -> task.gate().verdict() == verdict).toList();
    String rest = compared ? "" : " There is no accepted run to compare with yet.";
    return switch (verdict) {
      case PASS -> "Passed: " + count(tasks.size()) + " as good as asked for." + rest;
      case WARN ->
          "Passed with warnings in "
              + those.size()
              + " of "
              + count(tasks.size())
              + ": "
              + names(those)
              + "."
              + rest;
      case FAIL ->
          "Failed in "
              + those.size()
              + " of "
              + count(tasks.size())
              + ": "
              + names(those)
              + "."
              + rest;
    };
  }

  private static String count(int tasks) {
    return tasks + (tasks == 1 ? " task" : " tasks");
  }

  private static String names(List<TaskResult> tasks) {
    String named =
        tasks.stream()
            .limit(NAMED_MAX)
            .map(task -> task.suite() + "/" + task.task() + " on " + task.model())
            .collect(Collectors.joining(", "));
    return tasks.size() > NAMED_MAX ? named + " and more" : named;
  }
}

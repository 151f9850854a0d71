package dev.millrace.jobs.evaluate.spec;

import java.util.List;
import java.util.Objects;

/**
 * Tasks that belong together.
 *
 * @param name unique in the spec
 * @param models names of the models it runs on
 * @param tasks in order
 */
public record SuiteSpec(String name, List<String> models, List<TaskSpec> tasks) {
  public SuiteSpec {
    Objects.requireNonNull(name, "name");
    models = List.copyOf(models);
    tasks = List.copyOf(tasks);
  }
}

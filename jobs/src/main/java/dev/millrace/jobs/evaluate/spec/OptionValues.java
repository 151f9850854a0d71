package dev.millrace.jobs.evaluate.spec;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.engine.text.TextSettings;
import dev.millrace.jobs.run.JobComposer;
import dev.millrace.jobs.spec.JobOption;
import dev.millrace.jobs.spec.JobSpec;
import dev.millrace.jobs.spec.JobSpec.Assignment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Sampling and engine settings under the names, types and limits that job specs have. */
final class OptionValues {
  private static final String SAMPLING = "sampling.";
  private static final String ENGINE = "engine.";

  /** What the evaluation sets itself: seeds by row, log-probabilities by request type. */
  private static final List<String> NOT_FOR_TASKS =
      List.of("sampling.logprobs", "sampling.prompt_logprobs");

  private OptionValues() {}

  static SamplingSettings sampling(Section section) {
    List<Assignment> assignments = new ArrayList<>();
    for (JobOption option : JobOption.values()) {
      if (option.key().startsWith(SAMPLING) && !NOT_FOR_TASKS.contains(option.key())) {
        read(section, option, option.key().substring(SAMPLING.length()), assignments);
      }
    }
    section.close();
    try {
      return JobComposer.sampling(JobSpec.defaults().with(assignments));
    } catch (IllegalArgumentException e) {
      throw section.place().error(section.path() + "." + e.getMessage(), "Correct the value.", e);
    }
  }

  static EngineSettings engine(Section section) {
    List<Assignment> assignments = new ArrayList<>();
    for (JobOption option : JobOption.values()) {
      if (option.key().startsWith(ENGINE)) {
        read(section, option, option.key().substring(ENGINE.length()), assignments);
      }
    }
    read(section, JobOption.TP, JobOption.TP.key(), assignments);
    read(section, JobOption.BACKEND, JobOption.BACKEND.key(), assignments);
    section.close();
    try {
      return JobComposer.engine(JobSpec.defaults().with(assignments));
    } catch (IllegalArgumentException e) {
      throw section.place().error(section.path() + "." + e.getMessage(), "Correct the value.", e);
    }
  }

  /** What a model's section says about its prompts. */
  static TextSettings text(Section section) {
    List<Assignment> assignments = new ArrayList<>();
    for (JobOption option : List.of(JobOption.PARSE_SPECIAL_TOKENS, JobOption.TEMPLATE_VARIABLES)) {
      read(section, option, option.key(), assignments);
    }
    try {
      return JobComposer.text(JobSpec.defaults().with(assignments));
    } catch (IllegalArgumentException e) {
      throw section.place().error(section.path() + "." + e.getMessage(), "Correct the value.", e);
    }
  }

  /** What the top of a spec says about the runner of its batch jobs. */
  static List<String> beamArguments(Section section) {
    List<Assignment> assignments = new ArrayList<>();
    read(section, JobOption.RUNNER, JobOption.RUNNER.key(), assignments);
    read(section, JobOption.BEAM, JobOption.BEAM.key(), assignments);
    return JobComposer.beamArguments(JobSpec.defaults().with(assignments));
  }

  private static void read(
      Section section, JobOption option, String key, List<Assignment> assignments) {
    section
        .optional(key)
        .ifPresent(
            value -> {
              try {
                assignments.add(Assignment.parse(option, texts(value), value.place().toString()));
              } catch (IllegalArgumentException e) {
                throw value.place().error(e.getMessage(), "Correct the value.", e);
              }
            });
  }

  private static List<String> texts(SpecValue value) {
    if (value.isMapping() && value.plain() instanceof Map<?, ?> pairs) {
      return pairs.entrySet().stream().map(e -> e.getKey() + "=" + e.getValue()).toList();
    }
    return value.texts();
  }
}

package dev.millrace.jobs;

import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.jobs.spec.JobOption;
import dev.millrace.jobs.spec.JobSpec;
import dev.millrace.jobs.spec.JobSpec.Assignment;
import dev.millrace.jobs.spec.OptionGroup;
import dev.millrace.jobs.spec.OptionType;
import dev.millrace.jobs.spec.SpecReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/**
 * Gives a command one flag for each {@link JobOption}, and reads them back into a {@link JobSpec}.
 */
final class JobArguments {
  private static final String SPEC = "--spec";
  private static final String SET = "--set";

  private JobArguments() {}

  static void addOptions(CommandSpec command) {
    int order = 0;
    for (OptionGroup group : OptionGroup.values()) {
      ArgGroupSpec.Builder builder =
          ArgGroupSpec.builder()
              .heading("%n" + group.heading() + ":%n")
              .order(order++)
              .validate(false);
      for (JobOption option : JobOption.values()) {
        if (option.group() == group) {
          builder.addArg(optionSpec(option));
        }
      }
      command.addArgGroup(builder.build());
    }
    command.addArgGroup(specGroup(order));
  }

  /** Gives a command the flags of some options alone, under one heading. */
  static void addOptions(CommandSpec command, String heading, List<JobOption> options) {
    ArgGroupSpec.Builder builder =
        ArgGroupSpec.builder().heading("%n" + heading + ":%n").validate(false);
    options.forEach(option -> builder.addArg(optionSpec(option)));
    command.addArgGroup(builder.build());
  }

  private static ArgGroupSpec specGroup(int order) {
    return ArgGroupSpec.builder()
        .heading("%nJob spec:%n")
        .order(order)
        .validate(false)
        .addArg(
            OptionSpec.builder(SPEC)
                .paramLabel("FILE")
                .type(Path.class)
                .description("Job spec in YAML; every option above is a key of it.")
                .build())
        .addArg(
            OptionSpec.builder(SET)
                .paramLabel("KEY=VALUE")
                .type(List.class)
                .auxiliaryTypes(String.class)
                .description("Sets one key of the spec, for example sampling.top_p=0.9.")
                .build())
        .build();
  }

  private static OptionSpec optionSpec(JobOption option) {
    OptionSpec.Builder builder =
        OptionSpec.builder(option.flags().toArray(String[]::new)).description(description(option));
    if (option.type() == OptionType.FLAG) {
      return builder.type(Boolean.class).arity("0").negatable(true).fallbackValue("true").build();
    }
    builder.paramLabel(option.type().label());
    if (option.type().isRepeatable()) {
      builder.type(List.class).auxiliaryTypes(String.class);
      builder.arity(option.type() == OptionType.PATHS ? "1..*" : "1");
    } else {
      builder.type(String.class);
    }
    return builder.build();
  }

  private static String description(JobOption option) {
    String defaultText = option.defaultText();
    return option.description()
        + (defaultText == null ? "" : " Default: " + defaultText.replace("%", "%%") + ".");
  }

  /**
   * The spec that the command line asks for.
   *
   * @throws CommandException if a value is not what its option takes
   */
  static JobSpec read(ParseResult parsed, Console console) {
    SpecReader reader = new SpecReader(console.environment());
    JobSpec spec = JobSpec.defaults();
    Path file = parsed.matchedOptionValue(SPEC, null);
    if (file != null) {
      spec = spec.with(reader.read(file));
    }
    List<String> sets = parsed.matchedOptionValue(SET, List.of());
    spec = spec.with(sets.stream().map(reader::parseSet).toList());
    return spec.with(flags(parsed));
  }

  private static List<Assignment> flags(ParseResult parsed) {
    List<Assignment> assignments = new ArrayList<>();
    for (JobOption option : JobOption.values()) {
      if (!parsed.hasMatchedOption(option.flag())) {
        continue;
      }
      Object value = parsed.matchedOptionValue(option.flag(), null);
      List<String> texts = new ArrayList<>();
      if (value instanceof List<?> values) {
        values.forEach(each -> texts.add((String) each));
      } else {
        texts.add(String.valueOf(value));
      }
      try {
        assignments.add(Assignment.parse(option, texts, option.flag()));
      } catch (IllegalArgumentException e) {
        String said = e.getMessage().substring(option.key().length());
        throw new CommandException(ExitCode.USAGE, option.flag() + said, "Correct the value.", e);
      }
    }
    return assignments;
  }
}

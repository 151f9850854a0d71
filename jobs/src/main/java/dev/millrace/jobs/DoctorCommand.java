package dev.millrace.jobs;

import dev.millrace.cuda.examination.CudaExamination;
import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.doctor.Examination;
import dev.millrace.jobs.doctor.Finding;
import dev.millrace.jobs.doctor.Finding.Grade;
import dev.millrace.jobs.model.Places;
import dev.millrace.jobs.outcome.ExitCode;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Says whether this machine can run jobs, and what to do if not. */
@Command(
    name = "doctor",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = "Looks at this machine and says what to do about each thing that is missing.")
final class DoctorCommand implements Callable<Integer> {
  private final Console console;

  @Option(
      names = {"-w", "--workspace"},
      paramLabel = "PATH",
      description = "Workspace to look at; else $MILLRACE_WORKSPACE if set.")
  private Path workspace;

  DoctorCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    Places places = Places.of(console);
    String variable = console.variable("MILLRACE_WORKSPACE");
    Path examined = workspace != null ? workspace : variable == null ? null : Path.of(variable);
    List<Finding> findings =
        new Examination(
                places.cache(),
                places.sampleModel(),
                examined,
                () -> CudaExamination.ofThisMachine().findings())
            .findings();
    for (Finding finding : findings) {
      console
          .out()
          .printf("%-8s %-16s %s%n", finding.grade().label(), finding.subject(), finding.found());
      if (!finding.remedy().isEmpty()) {
        console.out().printf("%-8s %-16s -> %s%n", "", "", finding.remedy());
      }
    }
    long missing = findings.stream().filter(f -> f.grade() == Grade.MISSING).count();
    console
        .out()
        .println(
            missing == 0
                ? "This machine can run jobs."
                : missing + " missing: jobs will not run until that is mended.");
    return (missing == 0 ? ExitCode.DONE : ExitCode.USAGE).number();
  }
}

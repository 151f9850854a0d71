package dev.millrace.flink;

import dev.millrace.pipeline.BatchJob;
import dev.millrace.pipeline.flink.FlinkSettings;
import dev.millrace.pipeline.host.HostSettings;
import dev.millrace.pipeline.host.ProcessEngineFactory;
import dev.millrace.pipeline.job.JobException;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.job.OutputSettings;
import java.nio.file.Path;
import java.util.List;

/** A client to be killed: input, output, engines' log, master, jars. */
final class EchoClientMain {
  static final int ENGINES = 2;
  static final int REQUEST_MICROS = 1_500;

  private EchoClientMain() {}

  public static void main(String[] arguments) {
    EchoEngineFactory echo = EchoEngineFactory.logging(Path.of(arguments[2]), REQUEST_MICROS);
    HostSettings host =
        HostSettings.defaults().withJvmOptions(List.of("-Xmx96m", "-XX:+UseSerialGC"));
    JobSettings settings =
        JobSettings.of(List.of(arguments[0]), OutputSettings.to(Path.of(arguments[1])))
            .withChunkRows(150);
    try {
      BatchJob.of(settings, new ProcessEngineFactory(echo, host))
          .onFlink(new FlinkSettings(arguments[3], ENGINES, List.of(arguments[4], arguments[5])))
          .run();
    } catch (JobException e) {
      System.err.println(e.exitCode() + ": " + e.getMessage());
      System.exit(e.exitCode().code());
    }
  }
}

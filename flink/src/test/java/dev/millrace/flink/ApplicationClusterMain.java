package dev.millrace.flink;

import java.io.File;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.client.deployment.application.ApplicationClusterEntryPoint;
import org.apache.flink.client.program.PackagedProgram;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.DeploymentOptions;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.PipelineOptionsInternal;
import org.apache.flink.runtime.entrypoint.ClusterEntrypoint;
import org.apache.flink.runtime.resourcemanager.StandaloneResourceManagerFactory;

/**
 * A JobManager made for one application, as Flink's own start scripts make one: its folder of
 * configuration, the jar, the application's arguments.
 */
@SuppressWarnings("try") // Flink's own close() throws anything
final class ApplicationClusterMain extends ApplicationClusterEntryPoint {
  private ApplicationClusterMain(Configuration configuration, PackagedProgram program) {
    super(configuration, program, StandaloneResourceManagerFactory.getInstance());
  }

  public static void main(String[] arguments) throws Exception {
    Configuration configuration = GlobalConfiguration.loadConfiguration(arguments[0]);
    configuration.set(DeploymentOptions.TARGET, "embedded");
    configuration.set(PipelineOptions.JARS, List.of(new File(arguments[1]).toURI().toString()));
    configuration.set(
        PipelineOptionsInternal.PIPELINE_FIXED_JOB_ID, "00000000000000000000000000000000");
    PackagedProgram program =
        PackagedProgram.newBuilder()
            .setJarFile(new File(arguments[1]))
            .setEntryPointClassName("dev.millrace.jobs.ApplicationMain")
            .setArguments(Arrays.copyOfRange(arguments, 2, arguments.length))
            .setConfiguration(configuration)
            .build();
    ClusterEntrypoint.runClusterEntrypoint(new ApplicationClusterMain(configuration, program));
  }
}

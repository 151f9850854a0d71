package dev.millrace.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The shell launcher, with a Java that only tells what it was called with. */
class LauncherTest {
  private static final long SECONDS_MAX = 60;

  @TempDir private Path folder;
  private Path launcher;

  @BeforeEach
  void installALauncherWithoutAProgram() throws IOException {
    Path bin = Files.createDirectories(folder.resolve("home dir/bin"));
    Files.createDirectories(folder.resolve("home dir/lib"));
    Files.writeString(folder.resolve("home dir/lib/millrace-jobs.jar"), "no jar at all");
    launcher = bin.resolve("millrace");
    Files.copy(RepositoryFiles.root().resolve("jobs/src/main/launcher/millrace"), launcher);
    executable(launcher);
    Files.copy(launcher, bin.resolve("run-job"));
    executable(bin.resolve("run-job"));
  }

  private static void executable(Path file) throws IOException {
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private Path fakeJava(String version, String modules) throws IOException {
    Path home = folder.resolve("jdk-" + version);
    Path java = Files.createDirectories(home.resolve("bin")).resolve("java");
    Files.writeString(
        java,
        """
        #!/bin/sh
        case "$*" in *ArchiveClassesAtExit*) exit 1 ;; esac
        echo 'WARNING: Using incubator modules: jdk.incubator.vector' >&2
        echo 'told to standard error' >&2
        for argument in "$@"; do echo "[$argument]"; done
        """);
    executable(java);
    Files.writeString(
        home.resolve("release"),
        "JAVA_VERSION=\"" + version + "\"\nMODULES=\"java.base " + modules + "\"\n");
    return home;
  }

  private Result run(Path script, Map<String, String> environment, String... arguments)
      throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder();
    builder.command().add(script.toString());
    builder.command().addAll(java.util.List.of(arguments));
    builder.environment().keySet().removeAll(java.util.Set.of("JAVA_HOME", "JAVA_OPTS"));
    builder.environment().put("MILLRACE_CACHE", folder.resolve("cache dir").toString());
    builder.environment().putAll(environment);
    Path err = folder.resolve("err.txt");
    builder.redirectError(err.toFile());
    Process process = builder.start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(process.waitFor(SECONDS_MAX, TimeUnit.SECONDS));
    return new Result(process.exitValue(), out, errorOf(err));
  }

  /** What passes through the launcher's pipe may arrive a moment after the program has ended. */
  private static String errorOf(Path file) throws IOException, InterruptedException {
    String text = Files.readString(file);
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS_MAX);
    while (!text.endsWith("\n") && System.nanoTime() < deadline) {
      TimeUnit.MILLISECONDS.sleep(20);
      text = Files.readString(file);
    }
    return text;
  }

  private record Result(int exitCode, String out, String err) {}

  @Test
  void aJavaHomeWithoutJavaIsRefusedWithASentence() throws Exception {
    Result result = run(launcher, Map.of("JAVA_HOME", "/no/such/jdk"), "doctor");

    assertEquals(2, result.exitCode());
    assertTrue(
        result.err().contains("JAVA_HOME is /no/such/jdk, but there is no bin/java in it."),
        result.err());
  }

  @Test
  void anOldJavaIsRefusedWithItsVersion() throws Exception {
    Path java11 = fakeJava("11.0.2", "");
    Path java8 = fakeJava("1.8.0_402", "");

    Result eleven = run(launcher, Map.of("JAVA_HOME", java11.toString()), "doctor");
    Result eight = run(launcher, Map.of("JAVA_HOME", java8.toString()), "doctor");

    assertEquals(2, eleven.exitCode());
    assertTrue(eleven.err().contains("Java 11.0.2 is too old"), eleven.err());
    assertEquals(2, eight.exitCode());
    assertTrue(eight.err().contains("Java 1.8.0_402 is too old"), eight.err());
  }

  @Test
  void argumentsPassThroughUnchanged() throws Exception {
    String java = fakeJava("17.0.9", "jdk.incubator.vector").toString();

    Result result =
        run(launcher, Map.of("JAVA_HOME", java), "run-job", "--stop", "a b  *", "", "é");

    assertEquals(0, result.exitCode(), result.err());
    assertTrue(result.out().endsWith("[run-job]\n[--stop]\n[a b  *]\n[]\n[é]\n"), result.out());
  }

  @Test
  void vectorModuleIsAddedWhereTheJvmHasItAndItsWarningIsDropped() throws Exception {
    String with = fakeJava("17.0.9", "jdk.incubator.vector").toString();
    String without = fakeJava("21", "").toString();

    Result vector = run(launcher, Map.of("JAVA_HOME", with), "doctor");
    Result plain = run(launcher, Map.of("JAVA_HOME", without), "doctor");

    assertTrue(vector.out().contains("[--add-modules=jdk.incubator.vector]"), vector.out());
    assertEquals("told to standard error\n", vector.err());
    assertTrue(!plain.out().contains("incubator"), plain.out());
  }

  @Test
  void newerJavasAreToldThatNativeAccessIsMeant() throws Exception {
    String java17 = fakeJava("17.0.9", "").toString();
    String java25 = fakeJava("25.0.1", "").toString();

    assertTrue(
        !run(launcher, Map.of("JAVA_HOME", java17), "doctor").out().contains("native-access"));
    String flags = run(launcher, Map.of("JAVA_HOME", java25), "doctor").out();
    assertTrue(flags.contains("[--enable-native-access=ALL-UNNAMED]"), flags);
    assertTrue(flags.contains("[--sun-misc-unsafe-memory-access=allow]"), flags);
  }

  @Test
  void helpStartsWithFewFlagsAndJavaOptionsComeLast() throws Exception {
    String java = fakeJava("17.0.9", "jdk.incubator.vector").toString();

    String help = run(launcher, Map.of("JAVA_HOME", java), "run-job", "--help").out();
    String job =
        run(launcher, Map.of("JAVA_HOME", java, "JAVA_OPTS", "-Xmx3g -XX:+UseSerialGC"), "plan")
            .out();

    assertTrue(!help.contains("incubator"), help);
    assertTrue(help.contains("[-XX:TieredStopAtLevel=1]"), help);
    assertTrue(job.indexOf("[-Xmx3g]") > job.indexOf("MaxRAMPercentage"), job);
    assertTrue(!job.contains("UseParallelGC"), job);
  }

  @Test
  void runJobIsTheSameLauncherUnderItsOwnNameAlsoThroughALink() throws Exception {
    String java = fakeJava("17.0.9", "").toString();
    Path link =
        Files.createSymbolicLink(folder.resolve("run-job"), launcher.resolveSibling("run-job"));

    Result result = run(link, Map.of("JAVA_HOME", java), "--input", "a");

    assertEquals(0, result.exitCode(), result.err());
    assertTrue(result.out().contains("[-Dmillrace.name=run-job]"), result.out());
    assertTrue(result.out().contains("home dir]"), result.out());
  }

  @Test
  void aBundlesOwnJavaGoesBeforeJavaHomeAndThePath() throws Exception {
    Path own = fakeJava("17.0.9", "jdk.incubator.vector");
    Files.move(own, folder.resolve("home dir/jre"));

    Result result = run(launcher, Map.of("JAVA_HOME", "/no/such/jdk"), "doctor");

    assertEquals(0, result.exitCode(), result.err());
    assertTrue(result.out().endsWith("[doctor]\n"), result.out());
    assertTrue(result.out().contains("[--add-modules=jdk.incubator.vector]"), result.out());
  }

  @Test
  void aBundleWithoutItsJavaSaysToUnpackItAgain() throws Exception {
    Files.createDirectories(folder.resolve("home dir/jre"));

    Result result = run(launcher, Map.of(), "doctor");

    assertEquals(2, result.exitCode());
    assertTrue(result.err().contains("Unpack the bundle again."), result.err());
  }

  @Test
  void flinksLibrariesAreOnTheClassPathOnlyWhereFlinkIsAskedFor() throws Exception {
    String java = fakeJava("17.0.9", "").toString();
    Path flink = Files.createDirectories(folder.resolve("flink of mine/lib")).getParent();
    Map<String, String> environment = Map.of("JAVA_HOME", java, "MILLRACE_FLINK", flink.toString());
    Path spec = Files.writeString(folder.resolve("job.yaml"), "input: a\nrunner: flink\n");

    String direct = run(launcher, environment, "run-job", "--input", "flink-rows").out();
    String named = run(launcher, environment, "run-job", "--runner", "flink").out();
    String inSpec = run(launcher, environment, "run-job", "--spec", spec.toString()).out();
    String help = run(launcher, environment, "run-job", "--runner=flink", "--help").out();

    assertTrue(!direct.contains("flink of mine"), direct);
    assertTrue(!help.contains("flink of mine"), help);
    for (String out : List.of(named, inSpec)) {
      assertTrue(
          out.contains("millrace-jobs.jar:" + flink + "/lib/*:" + flink + "/runner/*]"), out);
      assertTrue(out.contains("[-Dmillrace.cluster.jar=" + flink + "/millrace-cluster.jar]"), out);
    }
  }
}

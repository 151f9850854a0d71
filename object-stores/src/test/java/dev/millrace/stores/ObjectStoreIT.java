package dev.millrace.stores;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher of the distribution, with the libraries beside it, on inputs of a local server. */
final class ObjectStoreIT {
  private static final long SECONDS_MAX = 120;

  @TempDir private static Path shared;
  private static S3Server server;

  @TempDir private Path folder;

  private record Run(int exitCode, String printed, double seconds) {}

  @BeforeAll
  static void startServer() throws IOException, InterruptedException {
    Path bucket = Files.createDirectories(shared.resolve("buckets/rows"));
    Files.copy(sample("prompts.parquet"), bucket.resolve("prompts.parquet"));
    Path more = Files.createDirectories(bucket.resolve("more/deep"));
    Files.writeString(bucket.resolve("more/a.jsonl"), "{\"prompt\":\"One?\"}\n");
    Files.writeString(more.resolve("b.jsonl"), "{\"prompt\":\"Two?\"}\n");
    Files.writeString(more.resolve("readme.txt"), "not an input");
    server = S3Server.start(shared, shared.resolve("buckets"));
  }

  @AfterAll
  static void stopServer() {
    server.close();
  }

  private static Path sample(String name) {
    Path root = Path.of("").toAbsolutePath();
    while (!Files.exists(root.resolve("sample-data"))) {
      root = root.getParent();
    }
    return root.resolve("sample-data").resolve(name);
  }

  private static Map<String, String> credentials() {
    Map<String, String> environment = new TreeMap<>();
    environment.put("AWS_ACCESS_KEY_ID", S3Server.IDENTITY);
    environment.put("AWS_SECRET_ACCESS_KEY", S3Server.SECRET);
    environment.put("AWS_ENDPOINT_URL", server.endpoint());
    return environment;
  }

  private Run run(Map<String, String> environment, String input, String... options)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("millrace.distribution"), "bin/run-job").toString());
    command.addAll(List.of("--input", input, "--output", folder.resolve("out").toString()));
    command.addAll(List.of("--max-tokens", "4", "--kv-cache", "32MiB", "--backend", "cpu"));
    command.addAll(List.of("--progress", "none"));
    command.addAll(List.of(options));
    Path log = folder.resolve("run.log");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    Map<String, String> all = builder.environment();
    all.keySet().removeIf(name -> name.startsWith("AWS_") || name.startsWith("GOOGLE_"));
    all.put("JAVA_HOME", System.getProperty("java.home"));
    all.put("MILLRACE_CACHE", shared.resolve("cache").toString());
    all.put("MILLRACE_OBJECT_STORES", System.getProperty("millrace.stores.folder"));
    all.put("AWS_EC2_METADATA_DISABLED", "true"); // no machine of Amazon's to ask
    all.put("NO_GCE_CHECK", "true"); // nor of Google's
    all.put("HOME", folder.toString());
    all.putAll(environment);
    long start = System.nanoTime();
    Process process = builder.start();
    if (!process.waitFor(SECONDS_MAX, TimeUnit.SECONDS)) {
      process.destroyForcibly().waitFor();
      throw new AssertionError("did not end: " + Files.readString(log));
    }
    Run run =
        new Run(process.exitValue(), Files.readString(log), (System.nanoTime() - start) / 1e9);
    System.out.printf("%s: code %d after %.1f s%n", input, run.exitCode(), run.seconds());
    return run;
  }

  private void assertRefused(Run run, String... parts) {
    assertEquals(2, run.exitCode(), run.printed());
    for (String part : parts) {
      assertTrue(run.printed().contains(part), "expected " + part + " in " + run.printed());
    }
  }

  @Test
  void parquetOfABucketGivesTheBytesOfTheLocalFile() throws IOException, InterruptedException {
    Run remote = run(credentials(), "s3://rows/prompts.parquet", "--limit", "40");
    byte[] found = Files.readAllBytes(folder.resolve("out/prompts.parquet"));
    Run local =
        run(
            Map.of(),
            sample("prompts.parquet").toString(),
            "--limit",
            "40",
            "--output",
            folder.resolve("local").toString());

    assertEquals(0, remote.exitCode(), remote.printed());
    assertEquals(0, local.exitCode(), local.printed());
    assertArrayEquals(Files.readAllBytes(folder.resolve("local/prompts.parquet")), found);
  }

  @Test
  void aFolderOfABucketStandsForTheFilesBelowIt() throws IOException, InterruptedException {
    Run run = run(credentials(), "s3://rows/more/");

    assertEquals(0, run.exitCode(), run.printed());
    assertEquals(1, Files.readAllLines(folder.resolve("out/a.jsonl")).size());
    assertEquals(1, Files.readAllLines(folder.resolve("out/deep/b.jsonl")).size());
  }

  @Test
  void aBucketThatIsNotThereIsNamed() throws IOException, InterruptedException {
    assertRefused(
        run(credentials(), "s3://no-such-bucket/prompts.parquet"),
        "s3://no-such-bucket/prompts.parquet",
        "bucket does not exist",
        "check the bucket's name");
  }

  @Test
  void anObjectThatIsNotThereIsNamed() throws IOException, InterruptedException {
    assertRefused(
        run(credentials(), "s3://rows/missing.parquet"),
        "found none that match (input=s3://rows/missing.parquet)");
  }

  @Test
  void missingCredentialsAreSaidWithWhatToSet() throws IOException, InterruptedException {
    assertRefused(
        run(Map.of("AWS_ENDPOINT_URL", server.endpoint()), "s3://rows/prompts.parquet"),
        "credentials",
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE");
  }

  @Test
  void wrongCredentialsAreSaidWithWhatToSet() throws IOException, InterruptedException {
    Map<String, String> wrong = credentials();
    wrong.put("AWS_SECRET_ACCESS_KEY", "guessed");

    assertRefused(run(wrong, "s3://rows/prompts.parquet"), "AWS_SECRET_ACCESS_KEY");
  }

  @Test
  void withoutTheLibrariesItIsSaidHowToGetThem() throws IOException, InterruptedException {
    Map<String, String> without = credentials();
    without.put("MILLRACE_OBJECT_STORES", folder.resolve("nothing").toString());

    assertRefused(
        run(without, "s3://rows/prompts.parquet"),
        "expected a file system for s3://",
        "bin/build object-stores");
  }

  /** A server of Google's cannot be had; this one answers as theirs does to strangers. */
  @Test
  void googlesStoreWithoutAnAccountIsRefusedWithWhatToDo()
      throws IOException, InterruptedException {
    HttpServer google =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    google.createContext(
        "/",
        exchange -> {
          byte[] body =
              "{\"error\":{\"code\":401,\"message\":\"Anonymous caller does not have access\"}}"
                  .getBytes(StandardCharsets.UTF_8);
          exchange.getResponseHeaders().add("Content-Type", "application/json");
          exchange.sendResponseHeaders(401, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    google.start();
    try {
      String endpoint = "http://127.0.0.1:" + google.getAddress().getPort() + "/storage/v1/";

      Run run = run(Map.of(), "gs://rows/prompts.parquet", "--beam=--gcsEndpoint=" + endpoint);

      assertRefused(
          run,
          "gs://rows/prompts.parquet",
          "Unable to get application default credentials",
          "GOOGLE_APPLICATION_CREDENTIALS");
    } finally {
      google.stop(0);
    }
  }
}

package dev.millrace.pipeline.read;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.pipeline.job.ExitCode;
import dev.millrace.pipeline.job.InvalidInputException;
import dev.millrace.pipeline.job.JobException;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.apache.beam.sdk.io.FileSystems;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.junit.jupiter.api.Test;

final class ObjectStoresTest {
  private static final List<String> INPUTS = List.of("rows.jsonl", "s3://bucket/rows.jsonl");

  @Test
  void aStoreWithoutItsLibrariesIsRefusedWithWhatToInstall() {
    FileSystems.setDefaultPipelineOptions(PipelineOptionsFactory.create());

    InvalidInputException s3 =
        assertThrows(InvalidInputException.class, () -> ObjectStores.requireFileSystems(INPUTS));
    InvalidInputException other =
        assertThrows(
            InvalidInputException.class,
            () -> ObjectStores.requireFileSystems(List.of("ftp://host/rows.jsonl")));

    assertTrue(s3.getMessage().startsWith("expected a file system for s3://"), s3.getMessage());
    assertTrue(s3.getMessage().contains("bin/build object-stores"), s3.getMessage());
    assertTrue(other.getMessage().contains("copy the files"), other.getMessage());
    ObjectStores.requireFileSystems(List.of("rows.jsonl", "file:///rows.jsonl"));
  }

  @Test
  void theEnvironmentSaysWhereAServerIsAndTheUserMoreSo() {
    Map<String, String> local = Map.of("AWS_ENDPOINT_URL", "http://127.0.0.1:9000");
    Map<String, String> both =
        Map.of(
            "AWS_ENDPOINT_URL",
            "http://wrong",
            "AWS_ENDPOINT_URL_S3",
            "http://right",
            "AWS_REGION",
            "eu-west-1");

    assertEquals(
        List.of("--endpoint=http://127.0.0.1:9000", "--awsRegion=us-east-1"),
        ObjectStores.arguments(INPUTS, List.of(), local));
    assertEquals(
        List.of("--endpoint=http://right"), ObjectStores.arguments(INPUTS, List.of(), both));
    assertEquals(
        List.of("--awsRegion=us-east-1"),
        ObjectStores.arguments(INPUTS, List.of("--endpoint=http://mine"), Map.of()));
    assertEquals(
        List.of(), ObjectStores.arguments(INPUTS, List.of("--endpoint=x", "--awsRegion=y"), local));
    assertEquals(
        List.of("--awsRegion=eu-north-1"),
        ObjectStores.arguments(INPUTS, List.of(), Map.of("AWS_DEFAULT_REGION", "eu-north-1")));
    assertEquals(List.of(), ObjectStores.arguments(List.of("gs://b/x"), List.of(), local));
  }

  @Test
  void aStoreThatCannotBeReadSaysWhatToCheck() {
    JobException refused =
        ObjectStores.unusable(
            "s3://bucket/rows.jsonl",
            new IOException("Error matching file spec s3://b", new IOException("no such bucket")));

    assertEquals(ExitCode.INVALID_INPUT, refused.exitCode());
    assertTrue(
        refused
            .getMessage()
            .startsWith("cannot read input s3://bucket/rows.jsonl: no such bucket;"),
        refused.getMessage());
    assertTrue(refused.getMessage().contains("AWS_ACCESS_KEY_ID"), refused.getMessage());
  }
}

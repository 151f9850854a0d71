package dev.millrace.pipeline.read;

import dev.millrace.pipeline.job.InvalidInputException;
import dev.millrace.pipeline.job.JobException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.beam.sdk.io.FileSystems;

/**
 * Inputs on object stores. Beam's file systems for them are in a folder of libraries of their own,
 * which may be absent; what they are told comes from the environment.
 */
public final class ObjectStores {
  private static final String S3 = "s3://";
  private static final String GCS = "gs://";

  /** The region of a server that is not Amazon's: it takes any. */
  private static final String REGION = "us-east-1";

  private ObjectStores() {}

  /** Whether an input is on a file system that Beam has to open. */
  public static boolean isRemote(String input) {
    return !ByteSource.isLocal(input);
  }

  /**
   * Refuses inputs that no file system of Beam's opens.
   *
   * @throws InvalidInputException saying what to install
   */
  public static void requireFileSystems(List<String> inputs) {
    for (String input : inputs) {
      if (isRemote(input) && !isKnown(input)) {
        boolean ours = input.startsWith(S3) || input.startsWith(GCS);
        throw new InvalidInputException(
            "expected a file system for "
                + input.substring(0, input.indexOf("://") + 3)
                + ", found none (input="
                + input
                + "); "
                + (ours
                    ? "its libraries are the folder object-stores, which the launcher adds where an"
                        + " input on the command line or in the job spec needs it: build it with"
                        + " bin/build object-stores, or name it in MILLRACE_OBJECT_STORES"
                    : "copy the files to a local folder"));
      }
    }
  }

  private static boolean isKnown(String input) {
    try {
      return FileSystems.matchNewResource(input, input.endsWith("/")) != null;
    } catch (IllegalArgumentException e) {
      return !String.valueOf(e.getMessage()).contains("No filesystem found");
    }
  }

  /**
   * Options for Beam that AWS's own tools would take from the environment, but not the library that
   * Beam uses: where the server is, and the region in its older name.
   *
   * @param given options of the user's, which win
   */
  public static List<String> arguments(
      List<String> inputs, List<String> given, Map<String, String> environment) {
    List<String> arguments = new ArrayList<>();
    if (inputs.stream().noneMatch(input -> input.startsWith(S3))) {
      return arguments;
    }
    String endpoint =
        environment.getOrDefault("AWS_ENDPOINT_URL_S3", environment.get("AWS_ENDPOINT_URL"));
    String region = environment.get("AWS_DEFAULT_REGION");
    if (region == null && (endpoint != null || has(given, "endpoint"))) {
      region = REGION;
    }
    if (endpoint != null && !has(given, "endpoint")) {
      arguments.add("--endpoint=" + endpoint);
    }
    if (region != null && environment.get("AWS_REGION") == null && !has(given, "awsRegion")) {
      arguments.add("--awsRegion=" + region);
    }
    return arguments;
  }

  private static boolean has(List<String> arguments, String option) {
    return arguments.stream().anyMatch(argument -> argument.startsWith("--" + option + "="));
  }

  /** Why a store could not be read, and what to do. */
  static JobException unusable(String input, Exception failure) {
    Throwable cause = failure;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    String told = String.valueOf(failure.getMessage());
    String root = String.valueOf(cause.getMessage());
    return Outage.orElse(
        new InvalidInputException(
            "cannot read input "
                + input
                + ": "
                + (root.length() > told.length() || told.contains("Error matching") ? root : told)
                + "; "
                + advice(input),
            failure),
        input);
  }

  private static String advice(String input) {
    if (input.startsWith(S3)) {
      return "check the bucket's name, the credentials (AWS_ACCESS_KEY_ID and"
          + " AWS_SECRET_ACCESS_KEY, or AWS_PROFILE), the region (AWS_REGION) and, for another"
          + " server than Amazon's, AWS_ENDPOINT_URL";
    }
    if (input.startsWith(GCS)) {
      return "check the bucket's name and the credentials (GOOGLE_APPLICATION_CREDENTIALS, or"
          + " gcloud auth application-default login)";
    }
    return "check the address";
  }
}

package dev.millrace.pipeline.flink;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.pipeline.job.InvalidInputException;
import dev.millrace.pipeline.job.JobCancelledException;
import dev.millrace.pipeline.job.RetryableException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.SocketException;
import java.time.Duration;

/** A session cluster: whether it is there and fits, and the jobs on it. */
public final class FlinkCluster {
  /** How long workers may take to come, or to come back: they register seconds apart. */
  private static final Duration WORKERS_WITHIN = Duration.ofSeconds(20);

  private static final long POLL_MILLIS = 250;

  private final FlinkRest rest;
  private final Duration workersWithin;

  public FlinkCluster(String master) {
    this(master, WORKERS_WITHIN);
  }

  FlinkCluster(String master, Duration workersWithin) {
    this.rest = new FlinkRest(master);
    this.workersWithin = workersWithin;
  }

  /**
   * Checks that the cluster is there, of the right version, and has slots.
   *
   * @param wanted slots to wait for; 0 stands for any
   * @return slots in all
   * @throws RetryableException if nobody answers, or too few workers come
   * @throws InvalidInputException if it is something else, or of another version
   */
  public int slots(int wanted) {
    String version;
    try {
      version = rest.get("/config").path("flink-version").asText();
    } catch (FileNotFoundException | JsonProcessingException e) {
      throw new InvalidInputException(
          "expected a Flink JobManager at "
              + rest.master()
              + ", found something else ("
              + e.getMessage()
              + "); correct --flink-master: it is the REST port that is needed, 8081 by default",
          e);
    } catch (IOException e) {
      throw new RetryableException(
          "expected a Flink JobManager at "
              + rest.master()
              + ", found nobody there ("
              + e
              + "); correct --flink-master, or start a cluster (deploy/local-cluster up)",
          e);
    }
    if (!version.startsWith(FlinkSettings.VERSION_LINE + ".")) {
      throw new InvalidInputException(
          "expected Flink "
              + FlinkSettings.VERSION_LINE
              + " at "
              + rest.master()
              + ", found "
              + (version.isEmpty() ? "something that tells no version" : "Flink " + version)
              + "; use a cluster of "
              + FlinkSettings.VERSION_LINE);
    }
    return awaitSlots(wanted);
  }

  private int awaitSlots(int wanted) {
    long deadline = System.nanoTime() + workersWithin.toNanos();
    int slots = totalSlots();
    while (slots < Math.max(1, wanted)) {
      if (System.nanoTime() >= deadline) {
        throw tooFew(slots, wanted);
      }
      sleep();
      slots = totalSlots();
    }
    return slots;
  }

  private RetryableException tooFew(int slots, int wanted) {
    if (slots == 0) {
      return new RetryableException(
          "expected TaskManagers at "
              + rest.master()
              + ", found none after "
              + workersWithin.toSeconds()
              + " s; start some, and look into their logs if they do not stay");
    }
    return new RetryableException(
        "parallelism: expected at most "
            + slots
            + ", the slots of the cluster at "
            + rest.master()
            + " after "
            + workersWithin.toSeconds()
            + " s, found "
            + wanted
            + "; lower it, or start more TaskManagers");
  }

  private int totalSlots() {
    return overview().path("slots-total").asInt();
  }

  private JsonNode overview() {
    try {
      return rest.get("/overview");
    } catch (IOException e) {
      throw silent(e);
    }
  }

  private RetryableException silent(IOException cause) {
    return new RetryableException(
        "the JobManager at "
            + rest.master()
            + " answers no more ("
            + cause
            + "); finished rows are kept, start the same command again when it is back",
        cause);
  }

  static void sleep() {
    try {
      Thread.sleep(POLL_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new JobCancelledException("interrupted while waiting for the cluster");
    }
  }

  /**
   * The job of this name.
   *
   * @throws RetryableException if the cluster does not know it, or does not answer
   */
  public FlinkJob job(String name) {
    FlinkJob job;
    try {
      job = find(name);
    } catch (IOException e) {
      throw silent(e);
    }
    if (job == null) {
      throw new RetryableException(
          "expected the job "
              + name
              + " at "
              + rest.master()
              + ", found no trace of it: the JobManager was started anew; finished rows are kept,"
              + " start the same command again");
    }
    return job;
  }

  /**
   * What it means that a job could not be handed over, if it means that the JobManager was lost
   * meanwhile; else null.
   *
   * @param failure of Flink's client, which tries again for some seconds before it gives up
   */
  public RetryableException lossWhileSubmitting(RuntimeException failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof SocketException
          || cause.getClass().getSimpleName().equals("RetryException")
          || isOfUnknownJob(String.valueOf(cause.getMessage()))) {
        return new RetryableException(
            "the JobManager at "
                + rest.master()
                + " was lost while it was given the job ("
                + root(failure)
                + "); finished rows are kept, start the same command again when it is back",
            failure);
      }
    }
    return null;
  }

  private static Throwable root(Throwable failure) {
    return failure.getCause() == null ? failure : root(failure.getCause());
  }

  /** Whether an error of a JobManager says that it has no such job: it was started anew. */
  static boolean isOfUnknownJob(String error) {
    return error.contains("FlinkJobNotFoundException");
  }

  /** The job of this name, or null if the cluster does not know it. */
  public FlinkJob find(String name) throws IOException {
    for (JsonNode job : rest.get("/jobs/overview").path("jobs")) {
      if (job.path("name").asText().equals(name)) {
        return new FlinkJob(rest, name, job.path("jid").asText());
      }
    }
    return null;
  }
}

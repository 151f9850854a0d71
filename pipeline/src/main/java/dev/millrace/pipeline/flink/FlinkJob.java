package dev.millrace.pipeline.flink;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.pipeline.job.JobException;
import dev.millrace.pipeline.job.RetryableException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.time.Duration;
import java.util.Set;

/** A job on a cluster. */
public final class FlinkJob {
  /** Longest that a JobManager may be silent before it counts as gone. */
  private static final Duration SILENCE = Duration.ofSeconds(30);

  private static final Set<String> ENDS = Set.of("FINISHED", "FAILED", "CANCELED", "SUSPENDED");

  private final FlinkRest rest;
  private final String name;
  private final String id;
  private long heardAt = System.nanoTime();

  FlinkJob(FlinkRest rest, String name, String id) {
    this.rest = rest;
    this.name = name;
    this.id = id;
  }

  /**
   * The job's state, one of Flink's names; {@code UNKNOWN} while the JobManager is silent.
   *
   * @throws RetryableException if it has been silent for long, or has forgotten the job
   */
  public String state() {
    try {
      String state = rest.get("/jobs/" + id + "/status").path("status").asText();
      heardAt = System.nanoTime();
      return state;
    } catch (FileNotFoundException e) {
      throw new RetryableException(
          "the JobManager at "
              + rest.master()
              + " was started anew and has forgotten the job "
              + name
              + "; finished rows are kept, start the same command again",
          e);
    } catch (IOException e) {
      if (System.nanoTime() - heardAt > SILENCE.toNanos()) {
        throw new RetryableException(
            "the JobManager at "
                + rest.master()
                + " has not answered for "
                + SILENCE.toSeconds()
                + " s ("
                + e
                + "); finished rows are kept, start the same command again when it is back",
            e);
      }
      return "UNKNOWN";
    }
  }

  public static boolean isEnd(String state) {
    return ENDS.contains(state);
  }

  /** Cancels the job and waits until it has let go of everything; false if that takes too long. */
  public boolean cancel(Duration patience) throws IOException {
    long deadline = System.nanoTime() + patience.toNanos();
    if (!isEnd(state())) {
      rest.cancel(id);
    }
    while (!isEnd(state())) {
      if (System.nanoTime() > deadline) {
        return false;
      }
      FlinkCluster.sleep();
    }
    return true;
  }

  /** Why the job failed, with the worker that it failed on. */
  public JobException failure() {
    JsonNode entry;
    String trace;
    try {
      JsonNode exceptions = rest.get("/jobs/" + id + "/exceptions?maxExceptions=20");
      entry = nearest(exceptions.path("exceptionHistory").path("entries"));
      trace = entry.path("stacktrace").asText(exceptions.path("root-exception").asText());
    } catch (IOException e) {
      return new RetryableException(
          "the job " + name + " failed, and the cluster does not say why: " + e.getMessage(), e);
    }
    String endpoint = entry.path("endpoint").asText("");
    String worker = entry.path("taskManagerId").asText("");
    String where =
        worker.isEmpty()
            ? ""
            : "TaskManager " + worker + (endpoint.isEmpty() ? "" : " at " + endpoint);
    return RemoteFailure.of(trace).toException(where);
  }

  /** The newest failure of a worker; after the last retry Flink reports one of its own on top. */
  private static JsonNode nearest(JsonNode entries) {
    for (JsonNode entry : entries) {
      if (!entry.path("taskManagerId").asText("").isEmpty()) {
        return entry;
      }
    }
    return entries.path(0);
  }
}

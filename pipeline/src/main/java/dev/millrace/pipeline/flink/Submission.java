package dev.millrace.pipeline.flink;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.pipeline.job.RetryableException;
import dev.millrace.pipeline.store.AtomicFiles;
import dev.millrace.pipeline.store.WorkFolder;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * What a work folder remembers of a job that it has on a cluster, so that the next run, after a
 * client was killed, can end it before anything else: two jobs must not work on one folder.
 *
 * @param master the cluster
 * @param job the job's name on it
 */
public record Submission(String master, String job) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration CANCELLED_WITHIN = Duration.ofSeconds(60);

  private static Path file(WorkFolder folder) {
    return folder.work().resolve("flink.json");
  }

  /** Remembers; before the job is submitted. */
  public void write(WorkFolder folder) throws IOException {
    AtomicFiles.write(
        file(folder), JSON.createObjectNode().put("master", master).put("job", job).toString());
  }

  /** Forgets; when the job has ended. */
  public static void delete(WorkFolder folder) throws IOException {
    Files.deleteIfExists(file(folder));
  }

  /**
   * Ends the job that an earlier client left on a cluster, if any.
   *
   * @return what was done, for people, or null if nothing
   * @throws RetryableException if the job does not end, or its cluster is too slow to say so
   */
  public static String endLeftJob(WorkFolder folder) throws IOException {
    if (!Files.exists(file(folder))) {
      return null;
    }
    JsonNode json = JSON.readTree(file(folder).toFile());
    Submission left = new Submission(json.path("master").asText(), json.path("job").asText());
    String done = left.end(file(folder));
    delete(folder);
    return done;
  }

  private String end(Path file) {
    try {
      FlinkJob running = new FlinkCluster(master).find(job);
      if (running == null || FlinkJob.isEnd(running.state())) {
        return null;
      }
      if (!running.cancel(CANCELLED_WITHIN)) {
        throw new RetryableException(
            "an earlier client left the job "
                + job
                + " on "
                + master
                + ", and it does not end within "
                + CANCELLED_WITHIN.toSeconds()
                + " s of being cancelled; cancel it there, then start the same command again");
      }
      return "cancelled the job " + job + " that an earlier client had left on " + master;
    } catch (FileNotFoundException e) {
      return null; // forgotten only now, or never known to whoever answers there
    } catch (ConnectException | NoRouteToHostException | UnknownHostException e) {
      // workers that live on without their JobManager still hold the locks of their chunks
      return "an earlier client left the job " + job + " on " + master + ", which does not answer";
    } catch (IOException e) { // one that is only slow still has the job
      throw new RetryableException(
          "an earlier client left the job "
              + job
              + " on "
              + master
              + ", which cannot be asked to end it ("
              + e
              + "); start the same command again, or, if that cluster is gone for good, delete "
              + file
              + " first",
          e);
    }
  }
}

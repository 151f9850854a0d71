package dev.millrace.jobs.evaluate.night;

import dev.millrace.pipeline.job.CancelToken;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;

/**
 * The night that runs.
 *
 * @param id its name
 * @param folder where all of it goes; what an earlier attempt left there is still there
 * @param attempt from 1; more than 1 if it goes on after a crash
 * @param deadline when it must have ended
 * @param cancel is cancelled at the deadline and when the process is asked to end
 * @param keeper for the night's result
 */
public record Night(
    NightId id,
    Path folder,
    int attempt,
    Optional<Instant> deadline,
    CancelToken cancel,
    Keeper keeper) {

  /** Writes what must not be lost to a full disk. */
  public interface Keeper {
    /** Runs a write that may be done twice; on a full disk room is made for it once. */
    void keep(Write write) throws IOException;
  }

  /** Something that writes files. */
  public interface Write {
    void run() throws IOException;
  }

  /** Whether an earlier attempt was cut off. */
  public boolean resumed() {
    return attempt > 1;
  }
}

package dev.millrace.pipeline.host;

import java.io.Serializable;
import java.time.Duration;
import java.util.List;
import java.util.Objects;

/**
 * How an engine's process is run.
 *
 * @param jvmOptions further options of its JVM, for example {@code -Xmx8g}
 * @param linger how long it stays when nobody uses it, so that a retry need not load the model
 *     again
 * @param replicas engines to open in it where engines run on devices, each on devices of its own; 0
 *     opens as many as devices are free
 * @param startTimeout longest that its JVM may take until it listens; loading may take any time
 */
public record HostSettings(
    List<String> jvmOptions, Duration linger, int replicas, Duration startTimeout)
    implements Serializable {
  public HostSettings {
    jvmOptions = List.copyOf(jvmOptions);
    Objects.requireNonNull(linger, "linger");
    Objects.requireNonNull(startTimeout, "startTimeout");
    if (replicas < 0) {
      throw new IllegalArgumentException("replicas: expected 0 or more, found " + replicas);
    }
    if (linger.isNegative() || startTimeout.isNegative() || startTimeout.isZero()) {
      throw new IllegalArgumentException(
          "linger and startTimeout: expected 0 or more and more than 0, found "
              + linger
              + " and "
              + startTimeout);
    }
  }

  /** Lingers for two minutes. */
  public static HostSettings defaults() {
    return new HostSettings(List.of(), Duration.ofMinutes(2), 1, Duration.ofMinutes(3));
  }

  public HostSettings withJvmOptions(List<String> value) {
    return new HostSettings(value, linger, replicas, startTimeout);
  }

  public HostSettings withLinger(Duration value) {
    return new HostSettings(jvmOptions, value, replicas, startTimeout);
  }

  public HostSettings withReplicas(int value) {
    return new HostSettings(jvmOptions, linger, value, startTimeout);
  }
}

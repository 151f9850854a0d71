package dev.millrace.engine.compute;

/** What a backend's contract test supplies. */
public interface BackendUnderTest {
  BackendFactory factory();

  /**
   * Share of a weight that a backend may lose where it computes with another type than is stored.
   */
  default double weightLoss(WeightShape shape) {
    return 0;
  }
}

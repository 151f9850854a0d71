package dev.millrace.engine.compute;

/** What a backend's contract test supplies. */
public interface BackendUnderTest {
  BackendFactory factory();
}

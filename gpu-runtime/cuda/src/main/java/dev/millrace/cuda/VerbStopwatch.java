package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaEvent;
import dev.millrace.cuda.device.CudaStream;
import java.util.ArrayList;
import java.util.List;

/**
 * Times verbs on the device, with a mark in the stream before and after each. A verb is put into
 * the stream several times between its marks: one alone would be over before the host has sent the
 * next, and the wait for that would be counted. Used by a rank's thread.
 */
final class VerbStopwatch implements AutoCloseable {
  private static final int TURNS = 4;

  private final CudaStream stream;
  private final List<CudaEvent> marks = new ArrayList<>();
  private final List<String> verbs = new ArrayList<>();
  private final List<Integer> turns = new ArrayList<>();

  VerbStopwatch(CudaStream stream) {
    this.stream = stream;
  }

  /**
   * Runs a verb several times.
   *
   * @param verb may run again on its own result: what it makes of it is of no account
   */
  void time(String name, Runnable verb) {
    verb.run(); // the first time may load code or choose an algorithm
    time(name, verb, TURNS);
  }

  /** Runs a verb once, which must not be done twice. */
  void timeOnce(String name, Runnable verb) {
    time(name, verb, 1);
  }

  private void time(String name, Runnable verb, int times) {
    mark(2 * verbs.size()).record(stream);
    for (int i = 0; i < times; i++) {
      verb.run();
    }
    mark(2 * verbs.size() + 1).record(stream);
    verbs.add(name);
    turns.add(times);
  }

  private CudaEvent mark(int index) {
    while (marks.size() <= index) {
      marks.add(new CudaEvent());
    }
    return marks.get(index);
  }

  /** Adds what was timed since the last call; waits for it. */
  void report(boolean decodeOnly, VerbTimes times) {
    for (int i = 0; i < verbs.size(); i++) {
      float millis = marks.get(2 * i + 1).millisSince(marks.get(2 * i));
      times.add(decodeOnly, verbs.get(i), millis / turns.get(i));
    }
    discard();
  }

  /** Forgets what was timed since the last call. */
  void discard() {
    verbs.clear();
    turns.clear();
  }

  @Override
  public void close() {
    marks.forEach(CudaEvent::close);
    marks.clear();
  }
}

package dev.millrace.jobs.bench;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.cuda.device.GpuGauges;
import java.util.Optional;

/**
 * Looks at a GPU's gauges ten times a second while a workload runs, and at its memory before and
 * after. Does nothing where there are no gauges.
 */
final class GpuWatch implements AutoCloseable {
  private static final long EVERY_MILLIS = 100;

  private final Optional<GpuGauges> gauges;
  private final long usedBefore;
  private long usedOpened;
  private long usedPeak;
  private long usedClosed;
  private double watts;
  private double megahertz;
  private double busy;
  private long looks;
  private Thread watching; // null while nothing runs

  GpuWatch(Optional<GpuGauges> gauges) {
    this.gauges = gauges;
    usedBefore = used();
  }

  private long used() {
    return gauges.map(gauge -> gauge.read().usedBytes()).orElse(0L);
  }

  /** The engine is open; what comes now is work. */
  void start() {
    usedOpened = used();
    if (gauges.isPresent()) {
      watching = new Thread(() -> watch(gauges.get()), "millrace-gauges");
      watching.setDaemon(true);
      watching.start();
    }
  }

  private void watch(GpuGauges gauge) {
    try {
      while (true) {
        add(gauge.read());
        Thread.sleep(EVERY_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // the work is over
    }
  }

  private synchronized void add(GpuGauges.Reading reading) {
    usedPeak = Math.max(usedPeak, reading.usedBytes());
    watts += reading.watts();
    megahertz += reading.megahertz();
    busy += reading.busyPercent();
    looks++;
  }

  /** The work is over. */
  @Override
  public void close() {
    if (watching != null) {
      watching.interrupt();
      watching = null;
    }
  }

  /** The engine is closed. */
  void closed() {
    usedClosed = used();
  }

  /** What was seen; empty where there are no gauges. */
  synchronized ObjectNode json() {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    if (looks == 0) {
      return node;
    }
    node.put("used_bytes_before", usedBefore);
    node.put("used_bytes_open", usedOpened);
    node.put("used_bytes_peak", usedPeak);
    node.put("used_bytes_closed", usedClosed);
    node.put("watts", StepSummary.rounded(watts / looks, 10));
    node.put("sm_mhz", Math.round(megahertz / looks));
    node.put("busy_percent", Math.round(busy / looks));
    return node;
  }
}

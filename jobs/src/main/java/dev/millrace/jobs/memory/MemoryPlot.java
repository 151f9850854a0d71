package dev.millrace.jobs.memory;

import dev.millrace.api.engine.DeviceReading;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.MemoryEntry;
import dev.millrace.jobs.progress.Amounts;
import dev.millrace.pipeline.store.AtomicFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/**
 * What each device had in use during a job, and how busy it was, as a picture: {@value #FILE_NAME}
 * in the output folder. A line a device; devices of equal ranks lie on each other. The dashed line
 * is what was in use before the job and the plan on top.
 */
public final class MemoryPlot {
  public static final String FILE_NAME = "memory.svg";

  private static final int WIDTH = 760;
  private static final int LEFT = 84;
  private static final int RIGHT = 16;
  private static final int MEMORY_TOP = 40;
  private static final int MEMORY_HEIGHT = 220;
  private static final int BUSY_TOP = 300;
  private static final int BUSY_HEIGHT = 80;
  private static final int HEIGHT = 420;
  private static final List<String> COLOURS =
      List.of(
          "#1f6feb", "#d1570b", "#1a7f37", "#8250df", "#bf3989", "#0a7ea4", "#9a6700", "#57606a");

  private final MemoryRecord record;
  private final long plannedBytes;
  private final StringBuilder svg = new StringBuilder();

  /**
   * @param plannedBytes of each rank
   */
  MemoryPlot(MemoryRecord record, long plannedBytes) {
    this.record = record;
    this.plannedBytes = plannedBytes;
  }

  /**
   * The picture of a job; none where there is no line to draw.
   *
   * @param engine that the job opened, or null
   */
  public static Optional<MemoryPlot> of(MemoryRecord record, EngineInfo engine) {
    if (engine == null || record.isEmpty() || record.samples().size() < 2) {
      return Optional.empty();
    }
    long planned = engine.memory().stream().mapToLong(MemoryEntry::plannedBytes).sum();
    return Optional.of(new MemoryPlot(record, planned));
  }

  /** Writes the picture into the output folder, whole or not at all. */
  public void writeTo(Path folder) throws IOException {
    AtomicFiles.write(folder.resolve(FILE_NAME), svg());
  }

  String svg() {
    svg.setLength(0);
    add(
        """
        <svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" \
        aria-label="Memory and use of each device over the job" font-family="sans-serif" font-size="12">
        <rect width="100%%" height="100%%" fill="#ffffff"/>
        """,
        WIDTH, HEIGHT, WIDTH, HEIGHT);
    double top = top();
    frame(MEMORY_TOP, MEMORY_HEIGHT, "in use", "0", Amounts.bytes((long) top));
    frame(BUSY_TOP, BUSY_HEIGHT, "busy", "0 %", "100 %");
    List<DeviceReading> devices = record.samples().get(0).devices();
    for (int device = 0; device < devices.size(); device++) {
      int at = device;
      planned(device, top);
      line(device, MEMORY_TOP, MEMORY_HEIGHT, s -> s.devices().get(at).usedBytes() / top);
      line(device, BUSY_TOP, BUSY_HEIGHT, s -> s.devices().get(at).utilisation());
      add(
          "<text x=\"%d\" y=\"22\" fill=\"%s\">%s</text>%n",
          LEFT + device * 90,
          colour(device),
          devices.get(device).device().replace("&", "&amp;").replace("<", "&lt;"));
    }
    add(
        "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" fill=\"#57606a\">%s</text>%n</svg>%n",
        WIDTH - RIGHT, HEIGHT - 12, Amounts.text(seconds()));
    return svg.toString();
  }

  /** The top of the scale: a little above the most, planned or seen. */
  private double top() {
    long most = 1;
    for (MemoryRecord.Sample sample : record.samples()) {
      for (DeviceReading device : sample.devices()) {
        most = Math.max(most, device.usedBytes());
      }
    }
    for (int i = 0; i < record.samples().get(0).devices().size(); i++) {
      most = Math.max(most, plannedBytes(i));
    }
    return most * 1.05;
  }

  private long plannedBytes(int device) {
    List<DeviceReading> before = record.moments().get(Moment.BEFORE);
    int ranks = record.samples().get(0).devices().get(device).ranks().size();
    return (before == null ? 0 : before.get(device).usedBytes()) + ranks * plannedBytes;
  }

  private double seconds() {
    return record.samples().get(record.samples().size() - 1).seconds();
  }

  private static String colour(int device) {
    return COLOURS.get(device % COLOURS.size());
  }

  private void frame(int top, int height, String label, String low, String high) {
    add(
        """
        <path d="M%d %dV%dH%d" fill="none" stroke="#8c959f"/>
        <text x="%d" y="%d" text-anchor="end" fill="#57606a">%s</text>
        <text x="%d" y="%d" text-anchor="end" fill="#57606a">%s</text>
        <text x="%d" y="%d" text-anchor="end" fill="#24292f">%s</text>
        """,
        LEFT,
        top,
        top + height,
        WIDTH - RIGHT,
        LEFT - 6,
        top + height,
        low,
        LEFT - 6,
        top + 10,
        high,
        LEFT - 6,
        top + height / 2,
        label);
  }

  private void planned(int device, double top) {
    double y = MEMORY_TOP + MEMORY_HEIGHT * (1 - plannedBytes(device) / top);
    add(
        "<path d=\"M%d %.1fH%d\" fill=\"none\" stroke=\"%s\" stroke-dasharray=\"4 4\" opacity=\"0.6\"/>%n",
        LEFT, y, WIDTH - RIGHT, colour(device));
  }

  /** A share over the job's seconds, with gaps where it is not known. */
  private void line(int device, int top, int height, ToDoubleFunction<MemoryRecord.Sample> share) {
    StringBuilder path = new StringBuilder();
    boolean down = false;
    double first = record.samples().get(0).seconds();
    double span = Math.max(1e-9, seconds() - first);
    for (MemoryRecord.Sample sample : record.samples()) {
      double value = share.applyAsDouble(sample);
      if (!Double.isNaN(value)) {
        double x = LEFT + (WIDTH - LEFT - RIGHT) * (sample.seconds() - first) / span;
        double y = top + height * (1 - Math.max(0, Math.min(1, value)));
        path.append(String.format(Locale.ROOT, "%s%.1f %.1f", down ? "L" : "M", x, y));
      }
      down = !Double.isNaN(value);
    }
    if (!path.isEmpty()) {
      add(
          "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\"/>%n",
          path, colour(device));
    }
  }

  private void add(String format, Object... values) {
    svg.append(String.format(Locale.ROOT, format, values));
  }
}

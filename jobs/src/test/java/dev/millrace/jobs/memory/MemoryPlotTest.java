package dev.millrace.jobs.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.engine.DeviceReading;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.MemoryEntry;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

final class MemoryPlotTest {
  private static final long GIB = 1L << 30;

  private static final EngineInfo ENGINE =
      new EngineInfo(
          "model", "cuda", 2, 4096, 64, 0, List.of(new MemoryEntry("weights", GIB, GIB)));

  @TempDir private Path folder;

  private static DeviceReading reading(int gpu, long bytes, double busy) {
    return new DeviceReading("GPU " + gpu, List.of(gpu), bytes, 80 * GIB, -1, busy);
  }

  private static MemoryRecord record(int samples, double busyOfSecond) {
    List<MemoryRecord.Sample> between = new ArrayList<>();
    for (int i = 0; i < samples; i++) {
      between.add(
          new MemoryRecord.Sample(
              i, List.of(reading(0, 40 * GIB, 0.5), reading(1, 43 * GIB, busyOfSecond))));
    }
    List<DeviceReading> before = List.of(reading(0, 0, 0), reading(1, 0, 0));
    return new MemoryRecord(
        Map.of(Moment.BEFORE, before, Moment.AT_LOAD, before), between, List.of());
  }

  private static List<String> paths(String svg) throws Exception {
    Document document =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
    NodeList found = document.getElementsByTagName("path");
    List<String> paths = new ArrayList<>();
    for (int i = 0; i < found.getLength(); i++) {
      paths.add(((Element) found.item(i)).getAttribute("d"));
    }
    return paths;
  }

  @Test
  void eachDeviceHasItsPlanItsMemoryAndItsUse() throws Exception {
    List<String> paths = paths(new MemoryPlot(record(3, 1), 50 * GIB).svg());

    assertEquals(2 + 3 * 2, paths.size(), "two frames, three lines a device");
    // The scale ends at 50 GiB x 1.05 = 52.5: 40 GiB is at 40 + 220 x (1 - 40 / 52.5).
    assertTrue(paths.contains("M84.0 92.4L414.0 92.4L744.0 92.4"), paths::toString);
    assertTrue(paths.contains("M84.0 79.8L414.0 79.8L744.0 79.8"), "43 GiB: " + paths);
    assertTrue(paths.contains("M84.0 340.0L414.0 340.0L744.0 340.0"), "half busy: " + paths);
  }

  @Test
  void useThatIsNotToldIsNotDrawn() throws Exception {
    assertEquals(2 + 5, paths(new MemoryPlot(record(3, Double.NaN), 50 * GIB).svg()).size());
  }

  @Test
  void thereIsNothingToDrawOfOneReading() {
    assertTrue(MemoryPlot.of(record(1, 1), ENGINE).isEmpty());
    assertTrue(MemoryPlot.of(MemoryRecord.NONE, ENGINE).isEmpty());
    assertTrue(MemoryPlot.of(record(2, 1), null).isEmpty(), "no engine was opened");
  }

  @Test
  void pictureIsWritten() throws Exception {
    MemoryPlot plot = MemoryPlot.of(record(2, 1), ENGINE).orElseThrow();

    plot.writeTo(folder);
    assertEquals(plot.svg(), Files.readString(folder.resolve(MemoryPlot.FILE_NAME)));
  }
}

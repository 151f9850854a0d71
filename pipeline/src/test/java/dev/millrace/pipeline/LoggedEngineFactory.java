package dev.millrace.pipeline;

import dev.millrace.api.engine.DeviceEngineFactory;
import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineFactory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Scripted engines that write down in a file which process opened them, and on which devices.
 *
 * @param log lines of {@code PID DEVICES}
 * @param group devices that an engine needs
 * @param cards names of the devices there are; their places are their numbers
 * @param devices devices that were handed out
 */
record LoggedEngineFactory(
    ScriptedEngineFactory scripted,
    String log,
    int group,
    List<String> cards,
    List<Integer> devices)
    implements DeviceEngineFactory, WrappedEngineFactory {

  LoggedEngineFactory(ScriptedEngineFactory scripted, Path log) {
    this(scripted, log.toString(), 0, List.of(), List.of());
  }

  static List<String> lines(Path log) throws IOException {
    return Files.exists(log) ? Files.readAllLines(log) : List.of();
  }

  /** Processes that opened an engine, in order. */
  static List<Long> processes(Path log) throws IOException {
    return lines(log).stream().map(line -> Long.parseLong(line.split(" ", 2)[0])).toList();
  }

  static Stream<ProcessHandle> alive(Path log) throws IOException {
    return processes(log).stream()
        .distinct()
        .filter(pid -> pid != ProcessHandle.current().pid())
        .flatMap(pid -> ProcessHandle.of(pid).stream())
        .filter(ProcessHandle::isAlive);
  }

  @Override
  public Engine openEngine() {
    try {
      Files.writeString(
          Path.of(log),
          ProcessHandle.current().pid() + " " + devices + "\n",
          StandardOpenOption.CREATE,
          StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return scripted.openEngine();
  }

  @Override
  public int devicesPerEngine() {
    return group;
  }

  @Override
  public List<Device> devicesVisible() {
    return IntStream.range(0, cards.size()).mapToObj(i -> new Device(i, cards.get(i))).toList();
  }

  @Override
  public EngineFactory onDevices(List<Integer> granted) {
    return new LoggedEngineFactory(scripted, log, group, cards, granted);
  }
}

package dev.millrace.pipeline.host;

import dev.millrace.api.engine.DeviceEngineFactory.Device;
import dev.millrace.api.engine.EngineException;
import dev.millrace.pipeline.generate.EngineUnavailableException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * Devices held by this process: a locked file each, {@code NAME.lock}, which the kernel lets go of
 * when the process ends, however it ends. So no two engines of this user's workers on this machine
 * get the same device, whatever number each has for it, and none is lost with a killed worker.
 */
final class DeviceLeases implements AutoCloseable {
  private final Path folder;
  private final List<FileChannel> held = new ArrayList<>();

  DeviceLeases(Path folder) {
    this.folder = folder;
  }

  /**
   * Takes groups of devices, the first free ones.
   *
   * @param visible devices that this process may use
   * @param groupSize devices of a group
   * @param groups how many groups; 0 takes as many as are free, at least one
   * @return the devices of each group
   * @throws EngineUnavailableException if others hold some, naming who
   * @throws EngineException if too few are visible
   */
  List<List<Integer>> take(List<Device> visible, int groupSize, int groups) {
    int wanted = groups == 0 ? visible.size() / groupSize * groupSize : groups * groupSize;
    List<Integer> taken = new ArrayList<>();
    List<String> others = new ArrayList<>();
    for (Device device : visible) {
      if (taken.size() < wanted) {
        String holder = tryTake(device);
        if (holder == null) {
          taken.add(device.ordinal());
        } else {
          others.add("device " + device + " by process " + holder);
        }
      }
    }
    int usable = groups == 0 ? taken.size() / groupSize * groupSize : taken.size();
    if (usable < Math.max(groupSize, groups * groupSize)) {
      close();
      String message =
          "expected "
              + Math.max(1, groups) * groupSize
              + " free devices, found "
              + taken.size()
              + " of the visible "
              + visible
              + (others.isEmpty() ? "" : "; held: " + String.join(", ", others))
              + "; start fewer workers on this machine, or show each its own devices"
              + " (CUDA_VISIBLE_DEVICES)";
      throw others.isEmpty()
          ? new EngineException(message)
          : new EngineUnavailableException(message + ", or wait until they are let go of");
    }
    List<List<Integer>> result = new ArrayList<>();
    for (int start = 0; start < usable; start += groupSize) {
      result.add(List.copyOf(taken.subList(start, start + groupSize)));
    }
    return result;
  }

  /** Null if the device is ours now, else who holds it. */
  private String tryTake(Device device) {
    Path file = folder.resolve(device.name().replaceAll("[^A-Za-z0-9._-]", "-") + ".lock");
    try {
      FileChannel channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      FileLock lock = tryLock(channel);
      if (lock == null) {
        channel.close();
        return Files.readString(file).strip();
      }
      channel.truncate(0);
      String self = Long.toString(ProcessHandle.current().pid());
      channel.write(ByteBuffer.wrap(self.getBytes(StandardCharsets.UTF_8)));
      held.add(channel);
      return null;
    } catch (IOException e) {
      throw new UncheckedIOException("the device lock " + file + " cannot be used", e);
    }
  }

  private static FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null; // held by this very process
    }
  }

  /** Lets go of all. */
  @Override
  public void close() {
    for (FileChannel channel : held) {
      try {
        channel.close();
      } catch (IOException e) {
        throw new UncheckedIOException("a device lock cannot be let go of", e);
      }
    }
    held.clear();
  }
}

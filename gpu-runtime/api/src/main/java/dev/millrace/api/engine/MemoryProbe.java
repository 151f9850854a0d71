package dev.millrace.api.engine;

import java.util.List;

/**
 * Looks at the memory of the devices that an engine runs on, whether it is open or not. Takes no
 * memory of theirs and disturbs no work. One thread at a time.
 */
public interface MemoryProbe extends AutoCloseable {

  /** Sees nothing. */
  MemoryProbe NONE =
      new MemoryProbe() {
        @Override
        public List<DeviceReading> read() {
          return List.of();
        }

        @Override
        public void close() {}
      };

  /** A reading of each device, the same ones in the same order at every call. */
  List<DeviceReading> read();

  /** Idempotent. */
  @Override
  void close();
}

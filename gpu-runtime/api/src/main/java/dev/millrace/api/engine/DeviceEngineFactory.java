package dev.millrace.api.engine;

import java.util.List;
import java.util.Objects;

/** Opens engines on devices that somebody has to hand out: no two engines may share one. */
public interface DeviceEngineFactory extends EngineFactory {

  /**
   * A device.
   *
   * @param ordinal its number in this process, which others may count differently
   * @param name the same in all processes of this machine
   */
  record Device(int ordinal, String name) {
    public Device {
      Objects.requireNonNull(name, "name");
    }

    @Override
    public String toString() {
      return ordinal + " (" + name + ")";
    }
  }

  /** Devices that one engine takes; 0 if these settings use none. */
  int devicesPerEngine();

  /**
   * Devices that this process may use, by the driver's count; asked in the process that opens the
   * engine.
   *
   * @throws EngineException if there is no driver or no device, saying what to do
   */
  List<Device> devicesVisible();

  /** The same factory, for engines on exactly these devices. */
  EngineFactory onDevices(List<Integer> ordinals);
}

package dev.millrace.jobs;

import dev.millrace.api.engine.DeviceEngineFactory;
import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.PromptEncoder;
import dev.millrace.cuda.CudaExecutors;
import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.cuda.device.CudaException;
import dev.millrace.engine.LocalEngineFactory;
import dev.millrace.engine.text.TextSettings;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * Opens engines on NVIDIA GPUs that an engine's process hands out, so that workers of one machine
 * never take the same one. GPUs that the user named are the only ones asked for, and keep their
 * order; else any will do. Opened without being handed any, it takes those named or the first.
 *
 * @param workspace folder of a converted model, on every worker
 * @param settings for {@link CudaExecutors}
 * @param text how prompts are read
 * @param gpus those that a process sees; asked where the engine is opened
 */
record GpuEngineFactory(String workspace, EngineSettings settings, TextSettings text, Gpus gpus)
    implements DeviceEngineFactory {

  /** Looks for the GPUs of the process that it is called in. */
  @FunctionalInterface
  interface Gpus extends Serializable {
    CudaDevices find();
  }

  private LocalEngineFactory local() {
    return new LocalEngineFactory(workspace, settings, text, new CudaExecutors());
  }

  @Override
  public String fingerprint() {
    return local().fingerprint();
  }

  @Override
  public String modelFingerprint() {
    return local().modelFingerprint();
  }

  @Override
  public PromptEncoder openPromptEncoder() {
    return local().openPromptEncoder();
  }

  @Override
  public Engine openEngine() {
    return local().openEngine();
  }

  /** One for each rank, unless the user put several ranks on one. */
  @Override
  public int devicesPerEngine() {
    return (int) settings.devicesOfRanks().stream().distinct().count();
  }

  @Override
  public List<Device> devicesVisible() {
    CudaDevices found = gpus.find();
    List<Device> devices = new ArrayList<>();
    try {
      for (int ordinal : candidates(found)) {
        devices.add(new Device(ordinal, found.require(ordinal).busId()));
      }
    } catch (CudaException e) {
      throw new EngineException("no GPU can be used: " + e.getMessage(), e);
    }
    return devices;
  }

  /**
   * The named ones; else those that kernels run on, or the first, which says why there are none.
   */
  private List<Integer> candidates(CudaDevices found) {
    if (!settings.devices().isEmpty()) {
      return settings.devices().stream().distinct().toList();
    }
    List<Integer> able =
        found.devices().stream()
            .filter(device -> device.capability() >= CudaDevice.CAPABILITY_MIN)
            .map(CudaDevice::ordinal)
            .toList();
    return able.isEmpty() ? List.of(0) : able;
  }

  @Override
  public EngineFactory onDevices(List<Integer> ordinals) {
    return settings.devices().isEmpty()
        ? new GpuEngineFactory(workspace, settings.withDevices(ordinals), text, gpus)
        : this;
  }
}

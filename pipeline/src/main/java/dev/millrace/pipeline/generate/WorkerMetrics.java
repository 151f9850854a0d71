package dev.millrace.pipeline.generate;

import java.util.Map;
import java.util.ServiceLoader;
import java.util.function.DoubleSupplier;

/** Shows a worker's numbers where its runner shows its own; found as a service. */
public interface WorkerMetrics {
  /** Called once by the thread that runs a function; the suppliers are cheap and never fail. */
  void show(Map<String, DoubleSupplier> gauges);

  /** Shows them wherever a service knows how. */
  static void showEverywhere(Map<String, DoubleSupplier> gauges) {
    for (WorkerMetrics metrics :
        ServiceLoader.load(WorkerMetrics.class, WorkerMetrics.class.getClassLoader())) {
      metrics.show(gauges);
    }
  }
}

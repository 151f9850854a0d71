package dev.millrace.flink;

import dev.millrace.pipeline.generate.WorkerMetrics;
import java.lang.reflect.Field;
import java.util.Map;
import java.util.function.DoubleSupplier;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.runtime.taskmanager.Task;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Shows a worker's numbers among those of its Flink task, in a group {@code millrace}, while it
 * runs. Beam's own metrics reach Flink when a bundle ends, which in a batch job is the end of the
 * worker's part; and a Beam function cannot see Flink's context. So the task is found where it
 * runs: it is what its thread was started with.
 */
public final class FlinkWorkerMetrics implements WorkerMetrics {
  private static final Logger LOG = LoggerFactory.getLogger(FlinkWorkerMetrics.class);
  private static final String GROUP = "millrace";

  @Override
  public void show(Map<String, DoubleSupplier> gauges) {
    Object started = startedWith(Thread.currentThread());
    if (started instanceof Task task) {
      MetricGroup group = task.getMetricGroup().addGroup(GROUP);
      gauges.forEach((name, value) -> group.gauge(name, (Gauge<Double>) value::getAsDouble));
    }
  }

  /** The runnable of a thread, or null if it cannot be told. */
  private static Object startedWith(Thread thread) {
    try {
      Field holder = field("holder"); // from Java 19 on
      return holder == null
          ? get(field("target"), thread)
          : get(holder.getType().getDeclaredField("task"), get(holder, thread));
    } catch (ReflectiveOperationException | RuntimeException e) {
      LOG.warn(
          "no metrics are shown: the JVM needs --add-opens java.base/java.lang: {}", e.toString());
      return null;
    }
  }

  private static Field field(String name) {
    for (Field field : Thread.class.getDeclaredFields()) {
      if (field.getName().equals(name)) {
        return field;
      }
    }
    return null;
  }

  private static Object get(Field field, Object of) throws ReflectiveOperationException {
    field.setAccessible(true);
    return field.get(of);
  }
}

package dev.millrace.jobs.doctor;

import java.lang.reflect.Method;

/**
 * Asks the incubating vector module how wide this machine's registers are. By reflection, because
 * the module may be absent and this one is compiled without it.
 */
final class VectorWidth {
  private static final String MODULE = "jdk.incubator.vector";

  private VectorWidth() {}

  /** For example {@code 512 bits, 16 floats at once}. The module must be loaded. */
  static String describe() {
    Module module = ModuleLayer.boot().findModule(MODULE).orElseThrow();
    try {
      Class<?> shape = Class.forName(module, MODULE + ".VectorShape");
      Method preferred = shape.getMethod("preferredShape");
      Method size = shape.getMethod("vectorBitSize");
      int bits = (Integer) size.invoke(preferred.invoke(null));
      return bits + " bits, " + bits / Float.SIZE + " floats at once";
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("The module " + MODULE + " is not as known", e);
    }
  }
}

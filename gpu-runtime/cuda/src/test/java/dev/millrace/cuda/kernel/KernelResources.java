package dev.millrace.cuda.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the compiler gave a kernel, as {@code --ptxas-options=-v} tells it.
 *
 * @param spillBytes bytes of registers stored to and loaded from local memory, for want of room
 */
record KernelResources(String name, int spillBytes) {
  private static final Pattern ENTRY = Pattern.compile("Compiling entry function '(\\w+)'");
  private static final Pattern SPILLS =
      Pattern.compile("(\\d+) bytes spill stores, (\\d+) bytes spill loads");

  /** All kernels of a log. Functions that were not inlined count as their kernel's. */
  static List<KernelResources> parse(String log) {
    List<KernelResources> kernels = new ArrayList<>();
    Matcher entry = ENTRY.matcher(log);
    boolean found = entry.find();
    while (found) {
      String name = entry.group(1);
      int start = entry.end();
      found = entry.find();
      kernels.add(
          new KernelResources(
              name, spills(name, log.substring(start, found ? entry.start() : log.length()))));
    }
    return kernels;
  }

  private static int spills(String name, String section) {
    Matcher spills = SPILLS.matcher(section);
    int bytes = 0;
    boolean told = false;
    while (spills.find()) {
      bytes += Integer.parseInt(spills.group(1)) + Integer.parseInt(spills.group(2));
      told = true;
    }
    if (!told) {
      throw new AssertionError(name + ": the compiler's log says nothing of spills: " + section);
    }
    return bytes;
  }
}

package dev.millrace.jobs.run;

import java.nio.file.Path;
import java.util.regex.Pattern;

/** Chooses an output folder where the user named none. */
final class DefaultOutput {
  private static final Pattern EXTENSIONS =
      Pattern.compile("(\\.(parquet|arrow|arrows|feather|ipc|jsonl|ndjson|json|gz|zst|snappy))+$");
  private static final Pattern GLOB = Pattern.compile("[*?\\[{]");
  private static final Pattern SCHEME = Pattern.compile("^[a-z0-9+.-]{2,}://");

  private DefaultOutput() {}

  /**
   * {@code data/prompts.parquet} gives {@code data/prompts-output}; a glob gives the folder it
   * looks in, with the same ending. Input on another file system gives a folder in the working
   * directory.
   */
  static Path beside(String input) {
    String local = SCHEME.matcher(input).replaceFirst("");
    boolean remote = local.length() != input.length();
    String[] plain = GLOB.split(local, 2);
    String fixed = plain[0];
    if (plain.length > 1) {
      int slash = fixed.lastIndexOf('/');
      fixed = slash < 0 ? "." : fixed.substring(0, Math.max(slash, 1));
    }
    Path path = Path.of(fixed).normalize();
    Path name = path.getFileName();
    String stem = name == null ? "" : EXTENSIONS.matcher(name.toString()).replaceFirst("");
    String folder = (stem.isEmpty() || stem.equals("..") ? "millrace" : stem) + "-output";
    return remote || path.getParent() == null ? Path.of(folder) : path.resolveSibling(folder);
  }
}

import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

/**
 * Makes the portable bundle of a distribution: its jars without what this platform never loads, and
 * a Java of exactly the modules that they use. {@code bin/bundle} runs it; needs no more than a
 * JDK.
 *
 * <pre>
 *   Bundle folder  DISTRIBUTION RULES BUNDLE    makes the folder BUNDLE
 *   Bundle archive BUNDLE ARCHIVE               packs it as tar.xz
 * </pre>
 *
 * Jars are stored, not deflated, and the JRE's modules too: xz finds what they share, and classes
 * load faster. Entries are sorted and carry one date: the same inputs give the same archive, but
 * for the JVM's class archive.
 */
public final class Bundle {
  private static final long ARCHIVE_BYTES_MAX = 60L << 20;

  /** Of every entry, in jars and in the archive. */
  private static final Instant DATE = Instant.parse("2026-01-01T00:00:00Z");

  /**
   * Reaches from one of Beam's twin jars to the other; the encoder takes about ten times as much.
   */
  private static final int DICTIONARY_BYTES = 64 << 20;

  private static final String NATIVE = "**.{so,dll,dylib,jnilib,a}";

  /** Parts of java.desktop that talk to a screen: Beam needs its java.beans alone. */
  private static final String WINDOW_LIBRARIES =
      Stream.of("awt*", "font*", "freetype*", "javajpeg", "jsound", "lcms", "mlib*", "splash*")
          .map(library -> "**/lib" + library + ".so")
          .collect(Collectors.joining(","));

  private final PrintStream out;

  private Bundle(PrintStream out) {
    this.out = out;
  }

  public static void main(String[] arguments) throws IOException, InterruptedException {
    Bundle bundle = new Bundle(System.out);
    try {
      if (arguments.length == 4 && arguments[0].equals("folder")) {
        bundle.makeFolder(Path.of(arguments[1]), Path.of(arguments[2]), Path.of(arguments[3]));
      } else if (arguments.length == 3 && arguments[0].equals("archive")) {
        bundle.pack(Path.of(arguments[1]), Path.of(arguments[2]));
      } else {
        throw new Refusal(
            "expected 'folder DISTRIBUTION RULES BUNDLE' or 'archive BUNDLE ARCHIVE'");
      }
    } catch (Refusal e) {
      System.err.println("bundle: error: " + e.getMessage());
      System.exit(2);
    }
  }

  /** Something a person has to mend: said in a sentence, without a stack trace. */
  private static final class Refusal extends RuntimeException {
    Refusal(String message) {
      super(message);
    }
  }

  // --- the folder
  // -----------------------------------------------------------------------------------

  private void makeFolder(Path distribution, Path rulesFile, Path bundle)
      throws IOException, InterruptedException {
    String platform = System.getProperty("os.name") + " " + System.getProperty("os.arch");
    if (!platform.equals("Linux amd64")) {
      throw new Refusal("bundles are made on Linux x86-64, for the same; this is " + platform);
    }
    Rules rules = Rules.read(rulesFile);
    delete(bundle);
    copyAllButJars(distribution, bundle);
    List<Path> jars = copyJars(distribution.resolve("lib"), bundle.resolve("lib"), rules);
    rules.requireAllUsed();
    String modules = modulesOf(jars);
    link(modules, bundle.resolve("jre"));
    out.printf(
        "bundle: %s on disk; needs of the system: glibc %s or newer, %s%n",
        mebibytes(sizeOf(bundle)), newestGlibc(bundle), systemLibraries(bundle));
  }

  private static void copyAllButJars(Path from, Path to) throws IOException {
    for (Path file : filesOf(from)) {
      Path relative = from.relativize(file);
      if (!relative.startsWith("lib")) {
        Path target = to.resolve(relative.toString());
        Files.createDirectories(target.getParent());
        Files.copy(file, target, java.nio.file.StandardCopyOption.COPY_ATTRIBUTES);
      }
    }
  }

  private List<Path> copyJars(Path from, Path to, Rules rules) throws IOException {
    Files.createDirectories(to);
    List<Path> copied = new ArrayList<>();
    long before = 0;
    for (Path jar : filesOf(from)) {
      before += Files.size(jar);
      Path copy = to.resolve(jar.getFileName());
      if (copyJar(jar, copy, rules)) {
        copied.add(copy);
      }
    }
    out.printf(
        "jars: %d of %s become %d of %s, stored%n",
        filesOf(from).size(), mebibytes(before), copied.size(), mebibytes(sizeOf(to)));
    return copied;
  }

  /** Copies the entries that stay, sorted; returns false where none does. */
  private static boolean copyJar(Path from, Path to, Rules rules) throws IOException {
    String jar = from.getFileName().toString();
    try (ZipFile source = new ZipFile(from.toFile())) {
      TreeMap<String, ZipEntry> kept = new TreeMap<>();
      for (Enumeration<? extends ZipEntry> all = source.entries(); all.hasMoreElements(); ) {
        ZipEntry entry = all.nextElement();
        if (!entry.isDirectory() && rules.keep(jar, entry.getName())) {
          kept.putIfAbsent(entry.getName(), entry);
        }
      }
      if (kept.isEmpty()) {
        return false;
      }
      try (ZipOutputStream target = new ZipOutputStream(Files.newOutputStream(to))) {
        for (ZipEntry entry : kept.values()) {
          store(entry.getName(), read(source, entry), target);
        }
      }
    }
    return true;
  }

  private static byte[] read(ZipFile source, ZipEntry entry) throws IOException {
    try (InputStream in = source.getInputStream(entry)) {
      return in.readAllBytes();
    }
  }

  private static void store(String name, byte[] content, ZipOutputStream target)
      throws IOException {
    ZipEntry entry = new ZipEntry(name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(content.length);
    CRC32 crc = new CRC32();
    crc.update(content);
    entry.setCrc(crc.getValue());
    entry.setTimeLocal(java.time.LocalDateTime.ofInstant(DATE, java.time.ZoneOffset.UTC));
    target.putNextEntry(entry);
    target.write(content);
    target.closeEntry();
  }

  /** What of the jars stays: see leave-out.txt. Every rule must be of use, or it is out of date. */
  private record Rules(List<Rule> natives, List<Rule> leftOut, Set<Rule> used) {
    private static final PathMatcher IS_NATIVE = glob(NATIVE);

    private record Rule(String text, PathMatcher jar, PathMatcher entry) {
      boolean matches(String jarName, String entryName) {
        return jar.matches(Path.of(jarName)) && entry.matches(Path.of(entryName));
      }
    }

    static Rules read(Path file) throws IOException {
      Rules rules = new Rules(new ArrayList<>(), new ArrayList<>(), new HashSet<>());
      try (BufferedReader lines = Files.newBufferedReader(file)) {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          String[] words = line.replaceFirst("#.*", "").strip().split("\\s+");
          if (words.length == 3 && (words[0].equals("native") || words[0].equals("without"))) {
            Rule rule = new Rule(line, glob(words[1]), glob(words[2]));
            (words[0].equals("native") ? rules.natives : rules.leftOut).add(rule);
          } else if (words.length != 1 || !words[0].isEmpty()) {
            throw new Refusal(
                file + ": expected 'native|without JAR ENTRY', found '" + line.strip() + "'");
          }
        }
      }
      return rules;
    }

    private static PathMatcher glob(String pattern) {
      return FileSystems.getDefault().getPathMatcher("glob:" + pattern);
    }

    boolean keep(String jar, String entry) {
      boolean kept = !IS_NATIVE.matches(Path.of(entry)) || first(natives, jar, entry);
      return kept && !first(leftOut, jar, entry);
    }

    private boolean first(List<Rule> rules, String jar, String entry) {
      for (Rule rule : rules) {
        if (rule.matches(jar, entry)) {
          used.add(rule);
          return true;
        }
      }
      return false;
    }

    void requireAllUsed() {
      for (List<Rule> rules : List.of(natives, leftOut)) {
        for (Rule rule : rules) {
          if (!used.contains(rule)) {
            throw new Refusal(
                "the rule '%s' matches nothing any more: mend or remove it".formatted(rule.text));
          }
        }
      }
    }
  }

  // --- the JRE
  // --------------------------------------------------------------------------------------

  private static String modulesOf(List<Path> jars) {
    List<String> arguments =
        new ArrayList<>(
            List.of("--multi-release", "17", "--ignore-missing-deps", "--print-module-deps"));
    jars.forEach(jar -> arguments.add(jar.toString()));
    String[] lines = tool("jdeps", arguments).split("\\R");
    return lines[lines.length - 1].strip();
  }

  private void link(String modules, Path jre) throws IOException, InterruptedException {
    out.printf("jre: Java %s with %s%n", Runtime.version(), modules);
    List<String> arguments =
        new ArrayList<>(List.of("--add-modules", modules, "--output", jre.toString()));
    arguments.addAll(
        List.of("--strip-java-debug-attributes", "--no-header-files", "--no-man-pages"));
    arguments.addAll(List.of("--exclude-files", WINDOW_LIBRARIES));
    tool("jlink", arguments);
    // Shared classes of the JRE itself: a faster start, and what the launcher's own archive needs.
    Process dump =
        new ProcessBuilder(jre.resolve("bin/java").toString(), "-Xshare:dump")
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    if (!dump.waitFor(5, TimeUnit.MINUTES) || dump.exitValue() != 0) {
      throw new Refusal("the new JRE cannot write its class archive: " + jre);
    }
    for (Path legal : filesOf(jre.resolve("legal"))) {
      if (Files.isSymbolicLink(legal)) { // of one module's licence to another's
        byte[] text = Files.readAllBytes(legal);
        Files.delete(legal);
        Files.write(legal, text);
      }
    }
  }

  private static String tool(String name, List<String> arguments) {
    ToolProvider tool =
        ToolProvider.findFirst(name)
            .orElseThrow(
                () ->
                    new Refusal(
                        System.getProperty("java.home") + " has no " + name + ": a JDK is needed"));
    StringWriter output = new StringWriter();
    StringWriter errors = new StringWriter();
    int result =
        tool.run(
            new PrintWriter(output), new PrintWriter(errors), arguments.toArray(String[]::new));
    if (result != 0) {
      throw new Refusal("%s %s: %s%s".formatted(name, arguments, output, errors));
    }
    return output.toString();
  }

  /** The newest version of the C library that anything native asks for. */
  private static String newestGlibc(Path folder) throws IOException {
    Pattern version = Pattern.compile("GLIBC_2\\.(\\d+)");
    int newest = 0;
    for (Path file : nativeOf(folder)) {
      Matcher found = version.matcher(bytesOf(file));
      while (found.find()) {
        newest = Math.max(newest, Integer.parseInt(found.group(1)));
      }
    }
    return "2." + newest;
  }

  /** What else the JRE asks for: Temurin's needs nothing, those of Linux distributions some. */
  private static String systemLibraries(Path folder) throws IOException {
    Set<String> needed = new java.util.TreeSet<>();
    for (Path file : nativeOf(folder.resolve("jre"))) {
      String bytes = bytesOf(file);
      for (String library : List.of("libstdc++.so.6", "libz.so.1", "libgcc_s.so.1")) {
        if (bytes.contains("\0" + library + "\0")) {
          needed.add(library);
        }
      }
    }
    return needed.isEmpty() ? "nothing else" : String.join(", ", needed);
  }

  private static List<Path> nativeOf(Path folder) throws IOException {
    return filesOf(folder).stream()
        .filter(file -> file.toString().matches(".*(\\.so|\\.jar|/bin/java)"))
        .toList();
  }

  private static String bytesOf(Path file) throws IOException {
    return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
  }

  // --- the archive
  // ----------------------------------------------------------------------------------

  private void pack(Path bundle, Path archive) throws IOException {
    long start = System.nanoTime();
    LZMA2Options options = new LZMA2Options();
    options.setDictSize(DICTIONARY_BYTES);
    Path aside = archive.resolveSibling(archive.getFileName() + ".part");
    try (OutputStream file = new BufferedOutputStream(Files.newOutputStream(aside));
        XZOutputStream xz = new XZOutputStream(file, options);
        TarArchiveOutputStream tar = new TarArchiveOutputStream(xz)) {
      tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
      for (Path path : filesOf(bundle)) {
        String name = bundle.getFileName() + "/" + bundle.relativize(path);
        TarArchiveEntry entry = new TarArchiveEntry(name);
        entry.setSize(Files.size(path));
        entry.setModTime(DATE.toEpochMilli());
        entry.setMode(Files.isExecutable(path) ? 0100755 : 0100644);
        tar.putArchiveEntry(entry);
        Files.copy(path, tar);
        tar.closeArchiveEntry();
      }
    }
    Files.move(aside, archive, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    long bytes = Files.size(archive);
    out.printf(
        "archive: %s, %s, packed in %d s%n",
        archive, mebibytes(bytes), (System.nanoTime() - start) / 1_000_000_000L);
    if (bytes > ARCHIVE_BYTES_MAX) {
      throw new Refusal(
          "expected at most %s, found %s: see what grew with 'tar -tvf', and leave-out.txt"
              .formatted(mebibytes(ARCHIVE_BYTES_MAX), mebibytes(bytes)));
    }
  }

  // --- files
  // ----------------------------------------------------------------------------------------

  private static List<Path> filesOf(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(path -> !Files.isDirectory(path)).sorted().toList();
    }
  }

  private static long sizeOf(Path folder) throws IOException {
    long bytes = 0;
    for (Path file : filesOf(folder)) {
      bytes += Files.size(file);
    }
    return bytes;
  }

  private static String mebibytes(long bytes) {
    return "%.1f MiB".formatted(bytes / (double) (1 << 20));
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    Files.walkFileTree(
        folder,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path folder, IOException problem)
              throws IOException {
            Files.delete(folder);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}

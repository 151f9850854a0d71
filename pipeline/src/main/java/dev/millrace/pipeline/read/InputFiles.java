package dev.millrace.pipeline.read;

import dev.millrace.pipeline.job.InvalidInputException;
import dev.millrace.pipeline.job.RetryableException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.beam.sdk.io.FileSystems;
import org.apache.beam.sdk.io.fs.EmptyMatchTreatment;
import org.apache.beam.sdk.io.fs.MatchResult;

/**
 * Finds input files. A folder stands for the files below it with a known extension, but for hidden
 * ones (names that start with a dot or an underscore); a glob for the files it matches. Files of
 * one input are read in natural order of their names, inputs in the order given.
 */
public final class InputFiles {
  private static final Set<String> EXTENSIONS =
      Set.of(
          "parquet",
          "parq",
          "pq",
          "arrow",
          "arrows",
          "feather",
          "ipc",
          "jsonl",
          "ndjson",
          "jsonlines");

  private InputFiles() {}

  /**
   * Finds the files of a job.
   *
   * @param inputs files, folders and globs
   * @param output the output folder, whose files are never input of the job
   * @throws InvalidInputException if an input matches nothing or two files would share a name
   * @throws RetryableException if the network or the storage fails
   */
  public static List<InputFile> find(List<String> inputs, Path output) {
    Map<String, InputFile> byLocation = new LinkedHashMap<>();
    for (String input : inputs) {
      List<Found> found = ByteSource.isLocal(input) ? local(input, output) : remote(input);
      if (found.isEmpty()) {
        refuseOwnOutput(input, output);
        throw new InvalidInputException(
            "expected input files, found none that match (input="
                + input
                + ")"
                + (ByteSource.isLocal(input) ? "" : "; end the name of a remote folder with /")
                + "; a folder is searched for "
                + String.join(", ", EXTENSIONS.stream().sorted().toList())
                + ", also with .gz");
      }
      for (Found file : found) {
        byLocation.putIfAbsent(file.location(), FormatSniffer.identify(file));
      }
    }
    return withUniqueNames(new ArrayList<>(byLocation.values()));
  }

  private static void refuseOwnOutput(String input, Path output) {
    Path ours = output.toAbsolutePath().normalize();
    if (ByteSource.isLocal(input)
        && ByteSource.localPath(input).toAbsolutePath().normalize().startsWith(ours)) {
      throw new InvalidInputException(
          "expected an input outside of the output folder, whose files are never read, found one"
              + " in it (input="
              + input
              + ", output="
              + output
              + "); choose another output folder");
    }
  }

  /** A file before its content was looked at. */
  record Found(String name, String location, long bytes, long modifiedMillis) {}

  private static List<Found> local(String input, Path output) {
    Path path = ByteSource.localPath(input);
    try {
      if (Files.isDirectory(path)) {
        return inFolder(path, output.toAbsolutePath().normalize());
      }
      if (Files.exists(path)) {
        return List.of(found(path, path.getFileName().toString()));
      }
      if (!isGlob(input)) {
        throw new InvalidInputException(
            "expected an input file, found nothing (input=" + input + "); check the path");
      }
      Path ours = output.toAbsolutePath().normalize();
      return matched(globMatches(path.toAbsolutePath().toString()), input).stream()
          .filter(f -> !Path.of(f.location()).startsWith(ours))
          .toList();
    } catch (IOException e) {
      throw ByteSource.unreadable(input, e);
    }
  }

  private static boolean isGlob(String input) {
    return input.contains("*") || input.contains("?") || input.contains("[") || input.contains("{");
  }

  private static List<Found> inFolder(Path folder, Path output) throws IOException {
    Map<String, Path> byName = new TreeMap<>(new NaturalOrder());
    try (Stream<Path> files = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        String name = folder.relativize(file).toString().replace('\\', '/');
        boolean ours = file.toAbsolutePath().normalize().startsWith(output);
        if (!ours && !isHidden(name) && hasKnownExtension(name) && Files.isRegularFile(file)) {
          byName.put(name, file);
        }
      }
    }
    List<Found> found = new ArrayList<>();
    for (Map.Entry<String, Path> entry : byName.entrySet()) {
      found.add(found(entry.getValue(), entry.getKey()));
    }
    return found;
  }

  private static boolean isHidden(String name) {
    return Stream.of(name.split("/")).anyMatch(p -> p.startsWith(".") || p.startsWith("_"));
  }

  private static boolean hasKnownExtension(String name) {
    String plain = name.endsWith(".gz") ? name.substring(0, name.length() - 3) : name;
    int dot = plain.lastIndexOf('.');
    return dot >= 0
        && EXTENSIONS.contains(plain.substring(dot + 1).toLowerCase(java.util.Locale.ROOT));
  }

  private static Found found(Path file, String name) throws IOException {
    BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
    return new Found(
        name,
        file.toAbsolutePath().normalize().toString(),
        attributes.size(),
        attributes.lastModifiedTime().toMillis());
  }

  private static List<Found> remote(String input) {
    try {
      boolean folder = input.endsWith("/");
      List<Found> found = matched(globMatches(folder ? input + "**" : input), input);
      if (found.isEmpty() && !folder && !isGlob(input)) {
        globMatches(input + "*"); // a store says of one object that it is not there, whatever lacks
      }
      return folder
          ? found.stream().filter(f -> !isHidden(f.name()) && hasKnownExtension(f.name())).toList()
          : found;
    } catch (FileNotFoundException e) {
      return List.of();
    } catch (IOException | RuntimeException e) { // a store's own library throws what it likes
      throw ObjectStores.unusable(input, e);
    }
  }

  private static List<MatchResult.Metadata> globMatches(String spec) throws IOException {
    return FileSystems.match(spec, EmptyMatchTreatment.ALLOW).metadata();
  }

  private static List<Found> matched(List<MatchResult.Metadata> matches, String input) {
    Map<String, Found> byName = new TreeMap<>(new NaturalOrder());
    int prefix =
        literalFolder(input.contains("://") ? input : Path.of(input).toAbsolutePath().toString());
    for (MatchResult.Metadata match : matches) {
      String location = match.resourceId().toString();
      String name = location.substring(prefix);
      byName.put(name, new Found(name, location, match.sizeBytes(), match.lastModifiedMillis()));
    }
    return new ArrayList<>(byName.values());
  }

  /** Length of the part of a spec before its first wildcard, up to the last slash. */
  private static int literalFolder(String spec) {
    int end = 0;
    while (end < spec.length() && "*?[{".indexOf(spec.charAt(end)) < 0) {
      end++;
    }
    return spec.lastIndexOf('/', Math.max(0, end - 1)) + 1;
  }

  private static List<InputFile> withUniqueNames(List<InputFile> files) {
    if (files.stream().map(InputFile::name).distinct().count() == files.size()) {
      return List.copyOf(files);
    }
    String common = files.get(0).location();
    for (InputFile file : files) {
      int length = 0;
      while (length < Math.min(common.length(), file.location().length())
          && common.charAt(length) == file.location().charAt(length)) {
        length++;
      }
      common = common.substring(0, length);
    }
    int start = common.lastIndexOf('/') + 1;
    return files.stream().map(f -> f.withName(f.location().substring(start))).toList();
  }
}

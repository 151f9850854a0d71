package dev.millrace.cuda.kernel;

import com.sun.jna.NativeLibrary;
import dev.millrace.cuda.device.CudaException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Finds NVIDIA's libraries: in a folder that was named, in a CUDA toolkit ({@code CUDA_HOME},
 * {@code /usr/local/cuda*}), in a Python environment's site-packages (also of {@code python3} on
 * the path), and wherever the system's loader looks. CUDA 13 goes before CUDA 12.
 */
public final class CudaLibraries {
  /** Names a folder that is searched before all others. */
  public static final String FOLDER_VARIABLE = "MILLRACE_CUDA_LIBRARIES";

  private static final List<Integer> MAJOR_VERSIONS = List.of(13, 12);

  private final List<Path> folders;

  private CudaLibraries(List<Path> folders) {
    this.folders = folders;
  }

  /** Looks in the usual places of this machine. */
  public static CudaLibraries find() {
    return find(System.getenv(), Path.of("/"));
  }

  /**
   * @param environment variables to go by
   * @param root where {@code /usr} and the like are looked for
   */
  static CudaLibraries find(Map<String, String> environment, Path root) {
    Set<Path> folders = new LinkedHashSet<>();
    addPath(environment.get(FOLDER_VARIABLE), folders);
    for (String variable : new String[] {"CUDA_HOME", "CUDA_PATH"}) {
      String home = environment.get(variable);
      if (home != null && !home.isBlank()) {
        addToolkit(Path.of(home), folders);
      }
    }
    addPath(environment.get("LD_LIBRARY_PATH"), folders);
    for (Path toolkit : children(root.resolve("usr/local"), "cuda*")) {
      addToolkit(toolkit, folders);
    }
    for (Path environmentFolder : pythonEnvironments(environment, root)) {
      addSitePackages(environmentFolder, folders);
    }
    for (String system :
        new String[] {"usr/lib/x86_64-linux-gnu", "usr/lib64", "usr/lib", "lib64"}) {
      add(root.resolve(system), folders);
    }
    return new CudaLibraries(new ArrayList<>(folders));
  }

  private static List<Path> pythonEnvironments(Map<String, String> environment, Path root) {
    List<Path> found = new ArrayList<>();
    for (String variable : new String[] {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
      String prefix = environment.get(variable);
      if (prefix != null && !prefix.isBlank()) {
        found.add(Path.of(prefix));
      }
    }
    for (String folder : environment.getOrDefault("PATH", "").split(":", -1)) {
      Path python = Path.of(folder.isBlank() ? "/nonexistent" : folder, "python3");
      if (Files.isExecutable(python)) {
        Path prefix = python.toAbsolutePath().getParent().getParent();
        if (prefix != null) {
          found.add(prefix);
        }
      }
    }
    found.add(root.resolve("usr/local"));
    found.add(root.resolve("usr"));
    return found;
  }

  /** Folders under {@code lib/pythonX.Y/{site,dist}-packages/nvidia} that hold libraries. */
  private static void addSitePackages(Path prefix, Set<Path> folders) {
    for (String lib : new String[] {"lib", "lib64"}) {
      for (Path python : children(prefix.resolve(lib), "python3*")) {
        for (String packages : new String[] {"site-packages", "dist-packages"}) {
          Path nvidia = python.resolve(packages).resolve("nvidia");
          add(nvidia.resolve("cu13/lib"), folders);
          for (Path component : children(nvidia, "*")) {
            add(component.resolve("lib"), folders);
          }
        }
      }
    }
  }

  private static void addPath(String path, Set<Path> folders) {
    if (path != null) {
      for (String folder : path.split(":", -1)) {
        if (!folder.isBlank()) {
          add(Path.of(folder), folders);
        }
      }
    }
  }

  private static void addToolkit(Path home, Set<Path> folders) {
    add(home.resolve("lib64"), folders);
    add(home.resolve("lib"), folders);
    add(home.resolve("targets/x86_64-linux/lib"), folders);
  }

  private static void add(Path folder, Set<Path> folders) {
    if (Files.isDirectory(folder)) {
      folders.add(folder);
    }
  }

  private static List<Path> children(Path folder, String glob) {
    List<Path> found = new ArrayList<>();
    if (!Files.isDirectory(folder)) {
      return found;
    }
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, glob)) {
      entries.forEach(found::add);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot look into " + folder, e);
    }
    // cuda-13.0 before cuda-12.4
    found.sort(java.util.Comparator.<Path>naturalOrder().reversed());
    return found;
  }

  /** Folders that are searched, in order. */
  public List<Path> folders() {
    return List.copyOf(folders);
  }

  /**
   * Where a library is, with its newest known version.
   *
   * @param stem for example {@code libnvrtc.so}
   */
  public Optional<Path> locate(String stem) {
    for (int major : MAJOR_VERSIONS) {
      for (Path folder : folders) {
        Path file = folder.resolve(stem + "." + major);
        if (Files.exists(file)) {
          return Optional.of(file);
        }
      }
    }
    for (Path folder : folders) {
      Path file = folder.resolve(stem);
      if (Files.exists(file)) {
        return Optional.of(file);
      }
    }
    return Optional.empty();
  }

  /**
   * Where a library is.
   *
   * @param stem for example {@code libnvrtc.so}
   * @throws CudaException saying where it was looked for and what to install
   */
  public Path require(String stem) {
    return locate(stem)
        .orElseThrow(
            () ->
                new CudaException(
                    "%s is not installed: looked for versions %s in %s; install CUDA 12 or 13, or `pip install %s`, or name its folder in %s"
                        .formatted(
                            stem, MAJOR_VERSIONS, folders, pipPackage(stem), FOLDER_VARIABLE),
                    0));
  }

  /**
   * Loads a library.
   *
   * @param stem for example {@code libnvrtc.so}
   * @param needed libraries beside it that it opens itself, by prefix: they are loaded first, since
   *     the system's loader does not look beside it
   * @throws CudaException saying where it was looked for and what to install
   */
  public NativeLibrary open(String stem, String... needed) {
    Path file = require(stem);
    try {
      for (String prefix : needed) {
        loadBeside(file, prefix);
      }
      return NativeLibrary.getInstance(file.toString());
    } catch (UnsatisfiedLinkError e) {
      throw new CudaException("%s cannot be loaded: %s".formatted(file, e.getMessage()), e);
    }
  }

  private static void loadBeside(Path library, String prefix) {
    Path folder = library.toAbsolutePath().getParent();
    String major = majorOf(library);
    for (Path file : children(folder, prefix + ".so*")) {
      if (file.getFileName().toString().startsWith(prefix + ".so." + major)) {
        NativeLibrary.getInstance(file.toString());
        return;
      }
    }
  }

  /** The 13 of {@code libnvrtc.so.13}; empty for a name without version. */
  private static String majorOf(Path library) {
    String name = library.getFileName().toString();
    int at = name.indexOf(".so.");
    return at < 0 ? "" : name.substring(at + 4).replaceFirst("\\..*", "");
  }

  private static String pipPackage(String stem) {
    return stem.startsWith("libnvrtc") ? "nvidia-cuda-nvrtc" : "nvidia-cublas";
  }
}

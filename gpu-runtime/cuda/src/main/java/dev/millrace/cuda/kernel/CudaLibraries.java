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
 * the path), and wherever the system's loader looks. CUDA 13 goes before CUDA 12, unless the driver
 * is too old for it.
 */
public final class CudaLibraries {
  /** Names a folder that is searched before all others. */
  public static final String FOLDER_VARIABLE = "MILLRACE_CUDA_LIBRARIES";

  private static final List<Integer> MAJOR_VERSIONS = List.of(13, 12);

  /** The first driver that runs what CUDA 13 compiles, and its number as people know it. */
  private static final int DRIVER_OF_CUDA_13 = 13000;

  private static final String RELEASE_OF_CUDA_13 = "580";

  private final List<Path> folders;
  private final List<Integer> versions;
  private final String driver;

  private CudaLibraries(List<Path> folders, List<Integer> versions, String driver) {
    this.folders = folders;
    this.versions = versions;
    this.driver = driver;
  }

  /** Looks in the usual places of this machine. */
  public static CudaLibraries find() {
    return find(System.getenv(), Path.of("/"));
  }

  /**
   * Looks in the usual places below a folder.
   *
   * @param environment variables to go by
   * @param root where {@code /usr} and the like are looked for
   */
  public static CudaLibraries find(Map<String, String> environment, Path root) {
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
    return new CudaLibraries(new ArrayList<>(folders), MAJOR_VERSIONS, "");
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
        addPrefix(python.toAbsolutePath(), found); // an environment's python3 is a link
        addPrefix(realPath(python), found);
      }
    }
    String home = environment.get("HOME");
    if (home != null && !home.isBlank()) {
      found.add(Path.of(home, ".local")); // pip install --user
    }
    found.add(root.resolve("usr/local"));
    found.add(root.resolve("usr"));
    return found;
  }

  /** The folder above {@code bin/python3}. */
  private static void addPrefix(Path python, List<Path> found) {
    Path prefix = python.getParent().getParent();
    if (prefix != null) {
      found.add(prefix);
    }
  }

  private static Path realPath(Path file) {
    try {
      return file.toRealPath();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot follow " + file, e);
    }
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

  /**
   * The same folders, without the libraries that a driver is too old for: what CUDA 13 compiles
   * does not load on a driver of CUDA 12, while within CUDA 12 every driver runs it.
   *
   * @param version as the driver counts: 13000 is 13.0; 0 where there is none
   */
  public CudaLibraries forDriver(int version) {
    if (version == 0 || version >= DRIVER_OF_CUDA_13) {
      return new CudaLibraries(folders, MAJOR_VERSIONS, "");
    }
    return new CudaLibraries(folders, List.of(12), version / 1000 + "." + version % 1000 / 10);
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
    for (int major : versions) {
      for (Path folder : folders) {
        Path file = folder.resolve(stem + "." + major);
        if (Files.exists(file)) {
          return Optional.of(file);
        }
      }
    }
    for (Path folder : folders) {
      Path file = folder.resolve(stem);
      if (driver.isEmpty() && Files.exists(file)) { // of which version, its name does not say
        return Optional.of(file);
      }
    }
    return Optional.empty();
  }

  /** The sentence for a library that is not there, or is there for a newer driver alone. */
  private String absence(String stem) {
    for (Path folder : folders) {
      Path newer = folder.resolve(stem + ".13");
      if (!driver.isEmpty() && Files.exists(newer)) {
        return "%s is of CUDA 13, and the driver knows CUDA %s; update the driver to %s or later, or `pip install %s-cu12`"
            .formatted(newer, driver, RELEASE_OF_CUDA_13, pipPackage(stem));
      }
    }
    return "%s is not installed: looked for versions %s in %s; install CUDA %s, or `pip install %s`, or name its folder in %s"
        .formatted(
            stem,
            versions,
            folders,
            driver.isEmpty() ? "12 or 13" : "12",
            pipPackage(stem) + (driver.isEmpty() ? "" : "-cu12"),
            FOLDER_VARIABLE);
  }

  /**
   * Where a library is.
   *
   * @param stem for example {@code libnvrtc.so}
   * @throws CudaException saying where it was looked for and what to install
   */
  public Path require(String stem) {
    return locate(stem).orElseThrow(() -> new CudaException(absence(stem), 0));
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

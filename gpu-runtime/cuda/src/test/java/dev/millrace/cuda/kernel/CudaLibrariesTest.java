package dev.millrace.cuda.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.cuda.device.CudaException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CudaLibrariesTest {
  @TempDir private Path root;

  private Path touch(String path) throws IOException {
    Path file = root.resolve(path);
    Files.createDirectories(file.getParent());
    return Files.createFile(file);
  }

  private Optional<Path> locate(Map<String, String> environment) {
    return CudaLibraries.find(environment, root).locate("libnvrtc.so");
  }

  @Test
  void toolkitUnderUsrLocalIsFound() throws IOException {
    Path library = touch("usr/local/cuda-13.0/lib64/libnvrtc.so.13");
    assertEquals(Optional.of(library), locate(Map.of()));
  }

  @Test
  void cuda13GoesBefore12WhereverItIs() throws IOException {
    touch("usr/local/cuda-12.4/lib64/libnvrtc.so.12");
    Path library = touch("usr/lib/x86_64-linux-gnu/libnvrtc.so.13");
    assertEquals(Optional.of(library), locate(Map.of()));
  }

  @Test
  void wheelInAnEnvironmentOnThePathIsFound() throws IOException {
    Path python = touch("opt/venv/bin/python3");
    assertTrue(python.toFile().setExecutable(true));
    Path library = touch("opt/venv/lib/python3.12/site-packages/nvidia/cu13/lib/libnvrtc.so.13");
    assertEquals(
        Optional.of(library), locate(Map.of("PATH", root.resolve("opt/venv/bin").toString())));
  }

  @Test
  void wheelOfCuda12IsFound() throws IOException {
    Path library = touch("venv/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12");
    assertEquals(
        Optional.of(library), locate(Map.of("VIRTUAL_ENV", root.resolve("venv").toString())));
  }

  @Test
  void wheelBehindALinkToPythonIsFound() throws IOException {
    Path python = touch("opt/python/bin/python3.12");
    assertTrue(python.toFile().setExecutable(true));
    Files.createDirectories(root.resolve("bin"));
    Files.createSymbolicLink(root.resolve("bin/python3"), python);
    Path library =
        touch("opt/python/lib/python3.12/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12");
    assertEquals(
        Optional.of(library.toRealPath()), locate(Map.of("PATH", root.resolve("bin").toString())));
  }

  @Test
  void wheelInstalledForTheUserIsFound() throws IOException {
    Path library =
        touch("home/me/.local/lib/python3.12/site-packages/nvidia/cu13/lib/libnvrtc.so.13");
    assertEquals(Optional.of(library), locate(Map.of("HOME", root.resolve("home/me").toString())));
  }

  @Test
  void driverOfCuda12IsGivenNoLibraryOfCuda13() throws IOException {
    touch("usr/lib/x86_64-linux-gnu/libnvrtc.so.13");
    CudaLibraries all = CudaLibraries.find(Map.of(), root);
    assertTrue(all.forDriver(13000).locate("libnvrtc.so").isPresent());
    assertTrue(all.forDriver(12090).locate("libnvrtc.so").isEmpty());
    CudaException refused =
        assertThrows(CudaException.class, () -> all.forDriver(12090).open("libnvrtc.so"));
    assertTrue(refused.getMessage().contains("knows CUDA 12.9"), refused.getMessage());

    Path older = touch("usr/local/cuda-12.4/lib64/libnvrtc.so.12");
    assertEquals(
        Optional.of(older),
        CudaLibraries.find(Map.of(), root).forDriver(12090).locate("libnvrtc.so"));
  }

  @Test
  void namedFolderGoesFirst() throws IOException {
    touch("usr/local/cuda/lib64/libnvrtc.so.13");
    Path library = touch("mine/libnvrtc.so.13");
    assertEquals(
        Optional.of(library),
        locate(Map.of(CudaLibraries.FOLDER_VARIABLE, root.resolve("mine").toString())));
  }

  @Test
  void missingLibraryIsASentenceWithWhatToDo() {
    CudaLibraries libraries = CudaLibraries.find(Map.of(), root);
    CudaException missing =
        assertThrows(CudaException.class, () -> libraries.open("libcublasLt.so"));
    assertTrue(missing.getMessage().contains("pip install nvidia-cublas"), missing.getMessage());
    assertTrue(missing.getMessage().contains(CudaLibraries.FOLDER_VARIABLE), missing.getMessage());
  }
}

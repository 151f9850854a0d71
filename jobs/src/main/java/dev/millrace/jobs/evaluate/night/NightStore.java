package dev.millrace.jobs.evaluate.night;

import dev.millrace.pipeline.store.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;

/**
 * The folder of an evaluation and the nights in it.
 *
 * <pre>
 * ROOT/
 *   nights/2026-11-25/     one folder a night, named by {@link NightId}
 *     run.json             {@link NightJson}
 *     ...                  what the evaluation writes: NightFolder of evaluate.result
 *   schedule.json          {@link Expectation}: when nights are due, since when
 *   .lock .waiting         {@link NightLock}
 *   .reserve               room for the verdict, given up when the disk is full
 * </pre>
 */
final class NightStore {
  private static final String NIGHTS = "nights";
  private static final String RESERVE = ".reserve";
  private static final int RESERVE_BYTES = 1 << 20;

  private final Path root;

  NightStore(Path root) {
    this.root = root;
  }

  Path root() {
    return root;
  }

  Path folder(NightId id) {
    return root.resolve(NIGHTS).resolve(id.toString());
  }

  /** All nights that can be read, oldest first. */
  List<NightEntry> nights() throws IOException {
    List<NightEntry> nights = new ArrayList<>();
    for (NightId id : ids()) {
      read(id).ifPresent(nights::add);
    }
    return nights;
  }

  private List<NightId> ids() throws IOException {
    Path folder = root.resolve(NIGHTS);
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> below = Files.list(folder)) {
      return below
          .flatMap(path -> NightId.parse(path.getFileName().toString()).stream())
          .sorted(Comparator.naturalOrder())
          .toList();
    }
  }

  /** What is known of a night; empty if its folder has no record, as after a crash at its birth. */
  Optional<NightEntry> read(NightId id) throws IOException {
    Path file = folder(id).resolve(NightJson.FILE_NAME);
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try {
      return Optional.of(NightJson.read(Files.readString(file)));
    } catch (IOException e) {
      throw new IOException(e.getMessage() + " (file=" + file + "); move that folder away", e);
    }
  }

  /** The first name of a date that no night has. */
  NightId unused(LocalDate date) throws IOException {
    NightId id = new NightId(date, 1);
    while (isUsed(id)) {
      id = id.again();
    }
    return id;
  }

  /**
   * A night killed at its birth leaves a folder with a temporary file at most: its name is free.
   */
  private boolean isUsed(NightId id) throws IOException {
    if (!Files.exists(folder(id))) {
      return false;
    }
    try (Stream<Path> below = Files.list(folder(id))) {
      return below.anyMatch(path -> !path.getFileName().toString().startsWith("."));
    }
  }

  /** Stores what is known of a night, whole or not at all. */
  void write(NightEntry night) throws IOException {
    String text = NightJson.write(night);
    keep(
        () -> {
          Files.createDirectories(folder(night.id()));
          AtomicFiles.write(folder(night.id()).resolve(NightJson.FILE_NAME), text);
        });
  }

  /** Removes a night that came to nothing: whose folder holds its record alone. */
  void dropIfBare(NightId id) throws IOException {
    try (Stream<Path> below = Files.list(folder(id))) {
      if (below.count() > 1) {
        return;
      }
    }
    AtomicFiles.delete(folder(id));
  }

  /**
   * Writes something small that must not be lost: on a full disk the reserve is given up for it and
   * it is tried once more.
   */
  void keep(Night.Write write) throws IOException {
    try {
      write.run();
    } catch (IOException e) {
      if (!isFull(e) || !Files.deleteIfExists(root.resolve(RESERVE))) {
        throw e;
      }
      write.run();
    }
  }

  /** Takes the reserve; a disk without room for it has none for a night either. */
  void reserve() throws IOException {
    Path file = root.resolve(RESERVE);
    if (Files.isRegularFile(file) && Files.size(file) == RESERVE_BYTES) {
      return;
    }
    byte[] incompressible = new byte[RESERVE_BYTES];
    new Random(1).nextBytes(incompressible);
    Path temporary = AtomicFiles.temporary(file);
    Files.write(temporary, incompressible);
    AtomicFiles.commit(temporary, file);
  }

  /** Whether a write failed for lack of room. */
  private static boolean isFull(IOException failure) {
    String text = String.valueOf(failure.getMessage()).toLowerCase(Locale.ROOT);
    return text.contains("no space left") || text.contains("quota exceeded");
  }
}

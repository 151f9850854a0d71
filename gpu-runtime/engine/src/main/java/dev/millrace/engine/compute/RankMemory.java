package dev.millrace.engine.compute;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The books of one rank's memory: what was planned for each purpose, what is taken, and by whom.
 * Refuses what was not planned, and refuses to close while something is out. Keeps no memory
 * itself. Not thread-safe: a rank's thread owns it.
 */
public final class RankMemory implements AutoCloseable {
  private final String owner;
  private final Map<MemoryPurpose, Long> planBytes = new EnumMap<>(MemoryPurpose.class);
  private final Map<MemoryPurpose, Long> takenBytes = new EnumMap<>(MemoryPurpose.class);
  private final Set<Allocation> out = Collections.newSetFromMap(new IdentityHashMap<>());

  /**
   * @param owner who, for errors, for example {@code rank 2}
   * @param planBytes most bytes for each purpose; a purpose left out has none
   */
  public RankMemory(String owner, Map<MemoryPurpose, Long> planBytes) {
    this.owner = owner;
    for (MemoryPurpose purpose : MemoryPurpose.values()) {
      this.planBytes.put(purpose, planBytes.getOrDefault(purpose, 0L));
      takenBytes.put(purpose, 0L);
    }
  }

  public long planBytes(MemoryPurpose purpose) {
    return planBytes.get(purpose);
  }

  public long takenBytes(MemoryPurpose purpose) {
    return takenBytes.get(purpose);
  }

  /**
   * Asks for memory before it is taken.
   *
   * @throws IllegalStateException if it is more than the plan has left
   */
  public void reserve(MemoryPurpose purpose, String name, long bytes) {
    long left = planBytes(purpose) - takenBytes(purpose);
    if (bytes > left) {
      throw new IllegalStateException(
          "%s takes %d bytes of %s for %s, the plan has %d left of %d; the plan does not count it"
              .formatted(owner, bytes, purpose.label(), name, left, planBytes(purpose)));
    }
  }

  /** Enters what was taken. */
  public <T extends Allocation> T take(T allocation) {
    reserve(allocation.purpose(), allocation.name(), allocation.bytes());
    out.add(allocation);
    takenBytes.merge(allocation.purpose(), allocation.bytes(), Long::sum);
    return allocation;
  }

  /**
   * Strikes what was given back.
   *
   * @throws IllegalStateException if it is not out
   */
  public void giveBack(Allocation allocation) {
    if (!out.remove(allocation)) {
      throw new IllegalStateException(
          "%s gives back %s, which is not out: given back twice, or another rank's"
              .formatted(owner, allocation.name()));
    }
    takenBytes.merge(allocation.purpose(), -allocation.bytes(), Long::sum);
  }

  /**
   * @throws IllegalStateException if anything is out, listing it
   */
  @Override
  public void close() {
    if (out.isEmpty()) {
      return;
    }
    List<String> lines = new ArrayList<>();
    for (Allocation allocation : out) {
      lines.add(
          "%s (%s, %d bytes)"
              .formatted(allocation.name(), allocation.purpose().label(), allocation.bytes()));
    }
    lines.sort(null);
    throw new IllegalStateException(
        "%s closed with %d allocations out: %s"
            .formatted(owner, lines.size(), String.join(", ", lines)));
  }
}

package dev.millrace.api.engine;

import java.util.Objects;

/**
 * A part of an engine's start-up. Parts overlap: their times do not add up to the whole.
 *
 * @param part for example {@code weights}
 * @param nanos from its beginning to its end
 * @param bytes it moved; 0 where that says nothing
 */
public record LoadPart(String part, long nanos, long bytes) {
  public LoadPart {
    Objects.requireNonNull(part, "part");
  }
}

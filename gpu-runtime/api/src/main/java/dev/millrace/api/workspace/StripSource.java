package dev.millrace.api.workspace;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Gives the bytes of a tensor, strip by strip; thread-safe, in any order. */
@FunctionalInterface
public interface StripSource {
  /**
   * Appends whole strips.
   *
   * @param firstStrip index of the first
   * @param strips how many
   * @param target little-endian; exactly {@code strips} times the tensor's strip bytes remain
   */
  void fill(long firstStrip, int strips, ByteBuffer target) throws IOException;
}

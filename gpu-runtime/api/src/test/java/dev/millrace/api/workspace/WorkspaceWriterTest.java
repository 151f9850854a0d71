package dev.millrace.api.workspace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A workspace appears whole or not at all. */
class WorkspaceWriterTest {
  private static final WorkspaceLayout LAYOUT =
      WorkspaceLayout.plan(SmallWorkspace.tensors(), SmallWorkspace.RANKS);

  @TempDir Path folder;

  @Test
  void nothingAppearsUnlessItIsPublished() throws IOException {
    Path target = folder.resolve("ws");
    try (WorkspaceWriter writer = WorkspaceWriter.create(target, LAYOUT)) {
      writer.write(
          0,
          0,
          (f, n, out) -> SmallWorkspace.fill(LAYOUT.tensors().get(0), f, n, out),
          writer.newBlock(1));
      assertFalse(Files.exists(target));
    }

    assertEquals(List.of(), names());
  }

  @Test
  void segmentThatWasNotWrittenIsAnError() throws IOException {
    try (WorkspaceWriter writer = WorkspaceWriter.create(folder.resolve("ws"), LAYOUT)) {
      String message = assertThrows(IllegalStateException.class, writer::tensors).getMessage();

      assertEquals("embedding: segment 0 was not written", message);
    }
  }

  @Test
  void sourceThatLeavesBytesOutIsAnError() throws IOException {
    try (WorkspaceWriter writer = WorkspaceWriter.create(folder.resolve("ws"), LAYOUT)) {
      ByteBuffer block = writer.newBlock(1);

      assertThrows(
          IllegalStateException.class,
          () -> writer.write(0, 0, (first, strips, out) -> out.put((byte) 1), block));
    }
  }

  @Test
  void targetThatCameIntoBeingMeanwhileIsNotReplaced() throws IOException {
    Path target = folder.resolve("ws");
    Files.createDirectory(target);
    Files.writeString(target.resolve("mine"), "mine");

    assertThrows(FileSystemException.class, () -> SmallWorkspace.write(target));

    assertEquals(List.of("ws"), names());
    assertEquals("mine", Files.readString(target.resolve("mine")));
  }

  @Test
  void sameContentGivesTheSameBytes() throws IOException {
    Path one = SmallWorkspace.write(folder.resolve("one"));
    Path two = SmallWorkspace.write(folder.resolve("two"));

    for (String name : List.of("manifest.json", "manifest.sha256", "data-00000.bin")) {
      assertEquals(-1, Files.mismatch(one.resolve(name), two.resolve(name)), name);
    }
  }

  @Test
  void stripsPerSegmentKeepThePage() {
    long[] sizes = {2, 4, 26, 1152, 4096, 7168, 10_002, 28 * 4352, 231 * 4352, 100 << 20};
    for (long stripBytes : sizes) {
      long strips = WorkspaceLayout.stripsPerSegment(stripBytes);

      assertEquals(0, strips * stripBytes % 4096, "strips of " + stripBytes);
      assertTrue(
          strips * stripBytes <= WorkspaceLayout.SEGMENT_BYTES_MAX || strips <= 4096,
          strips + " strips of " + stripBytes);
    }
  }

  @Test
  void longTensorIsCutIntoSegmentsThatJoinAgain() {
    TensorEntry embedding = SmallWorkspace.tensors().get(0);
    TensorEntry large =
        new TensorEntry(
            embedding.name(),
            StorageType.F32,
            null,
            embedding.layout(),
            embedding.split(),
            2_000_000,
            100,
            1,
            null,
            List.of());

    List<TensorEntry.Segment> segments =
        WorkspaceLayout.plan(List.of(large), List.of(1, 2, 4, 5)).tensors().get(0).segments();

    assertTrue(segments.size() > 12, segments.size() + " segments");
    long end = 0;
    for (TensorEntry.Segment segment : segments) {
      assertTrue(segment.bytes() <= WorkspaceLayout.SEGMENT_BYTES_MAX);
      assertTrue(segment.offset() - end < 4096);
      end = segment.offset() + segment.bytes();
    }
  }

  private List<String> names() throws IOException {
    try (var entries = Files.list(folder)) {
      return entries.map(entry -> entry.getFileName().toString()).toList();
    }
  }
}

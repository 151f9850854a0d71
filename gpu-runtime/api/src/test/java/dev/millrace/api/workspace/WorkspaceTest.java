package dev.millrace.api.workspace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.api.workspace.TensorEntry.StripRange;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reads what was written, and refuses what was damaged, edited or made by another version. */
class WorkspaceTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;
  private Path path;

  @BeforeEach
  void write() throws IOException {
    path = SmallWorkspace.write(folder.resolve("ws"));
  }

  @Test
  void everyPartHoldsItsStrips() throws IOException {
    try (Workspace workspace = Workspace.open(path)) {
      for (TensorEntry tensor : workspace.manifest().tensors()) {
        for (int ranks : SmallWorkspace.RANKS) {
          for (int rank = 0; rank < ranks; rank++) {
            checkPart(workspace.part(tensor.name(), ranks, rank), tensor.part(ranks, rank));
          }
        }
      }
    }
  }

  @Test
  void adjacentSegmentsAreOneRange() throws IOException {
    try (Workspace workspace = Workspace.open(path)) {
      assertEquals(1, workspace.part("embedding", 1, 0).ranges().size());
      // 4352 bytes a slab: the second begins on the next page
      assertEquals(2, workspace.part("layers.0.down", 1, 0).ranges().size());
      assertEquals(1, workspace.part("layers.0.down", 2, 1).slabs());
      // the second query head, then the key and the value head
      assertEquals(1, workspace.part("layers.0.qkv", 2, 1).ranges().size());
      assertEquals(2, workspace.part("layers.0.qkv", 2, 0).ranges().size());
    }
  }

  @Test
  void tensorsThatFillAFileGoOnInTheNext() throws IOException {
    WorkspaceLayout layout =
        WorkspaceLayout.plan(SmallWorkspace.tensors(), SmallWorkspace.RANKS, 40_960);
    Path several = SmallWorkspace.write(folder.resolve("several"), layout);

    assertTrue(layout.dataFiles().size() > 2, layout.dataFiles().toString());
    try (Workspace workspace = Workspace.open(several);
        Workspace one = Workspace.open(path)) {
      for (TensorEntry tensor : layout.tensors()) {
        checkPart(workspace.part(tensor.name(), 1, 0), tensor.part(1, 0));
      }
      assertEquals(one.manifest().modelFingerprint(), workspace.manifest().modelFingerprint());
    }
  }

  @Test
  void rangesAreReadOnlyAndLittleEndian() throws IOException {
    try (Workspace workspace = Workspace.open(path)) {
      ByteBuffer range = workspace.part("embedding", 2, 1).ranges().get(0);

      assertTrue(range.isReadOnly() && range.isDirect());
      assertEquals(ByteOrder.LITTLE_ENDIAN, range.order());
    }
  }

  @Test
  void rankCountThatIsNotServedIsRefusedWithTheReason() throws IOException {
    try (Workspace workspace = Workspace.open(path)) {
      String message =
          assertThrows(IllegalArgumentException.class, () -> workspace.part("embedding", 3, 0))
              .getMessage();

      assertTrue(message.contains("one of [1, 2]"), message);
      assertTrue(message.contains("3 does not divide 2 query heads"), message);
    }
  }

  @Test
  void rankBytesAreWhatThePartsHold() throws IOException {
    try (Workspace workspace = Workspace.open(path)) {
      for (int ranks : SmallWorkspace.RANKS) {
        long sum = 0;
        for (TensorEntry tensor : workspace.manifest().tensors()) {
          sum += workspace.part(tensor.name(), ranks, ranks - 1).bytes();
        }
        assertEquals(sum, workspace.manifest().rankBytes(ranks).bytes());
      }
    }
  }

  @Test
  void closedWorkspaceGivesNoMoreParts() throws IOException {
    Workspace workspace = Workspace.open(path);
    ByteBuffer kept = workspace.part("embedding", 1, 0).ranges().get(0);
    workspace.close();
    workspace.close();

    assertThrows(IllegalStateException.class, () -> workspace.part("embedding", 1, 0));
    assertEquals(SmallWorkspace.expected("embedding", 0, 5), kept.get(5));
  }

  @Test
  void verificationReadsEveryByteWithProgress() throws Exception {
    try (Workspace workspace = Workspace.open(path)) {
      List<Long> done = new ArrayList<>();
      workspace.verify(2, (bytes, total) -> done.add(total - bytes));

      assertEquals(0, done.get(done.size() - 1));
    }
  }

  @Test
  void flippedBitIsFoundByVerificationWithItsTensor() throws Exception {
    TensorEntry tensor;
    try (Workspace workspace = Workspace.open(path)) {
      tensor = workspace.manifest().tensor("layers.0.gate_up");
    }
    flip(path.resolve("data-00000.bin"), (int) tensor.segments().get(1).offset() + 77);

    try (Workspace workspace = Workspace.open(path)) {
      MalformedWorkspaceException found =
          assertThrows(
              MalformedWorkspaceException.class, () -> workspace.verify(2, ByteProgress.NONE));
      assertTrue(
          found
              .getMessage()
              .startsWith(
                  "tensor layers.0.gate_up (data-00000.bin from byte "
                      + tensor.segments().get(1).offset()),
          found.getMessage());
      assertTrue(found.getMessage().contains("CRC-32C"), found.getMessage());
    }
  }

  @Test
  void changedTextIsFoundWhenItIsRead() throws IOException {
    Files.writeString(path.resolve("text/tokenizer.json"), "[]");

    try (Workspace workspace = Workspace.open(path)) {
      String message =
          assertThrows(
                  MalformedWorkspaceException.class, () -> workspace.readText("tokenizer.json"))
              .getMessage();
      assertTrue(message.startsWith("text/tokenizer.json: expected SHA-256"), message);
    }
  }

  @Test
  void manifestWithWrongChecksumIsRejected() throws IOException {
    Path manifest = path.resolve("manifest.json");
    Files.writeString(manifest, Files.readString(manifest).replace("\"seed 1\"", "\"seed 2\""));

    assertRejected("manifest.json: expected SHA-256", "the manifest was damaged or edited");
  }

  @Test
  void newerVersionIsRejectedWithWhatToDo() throws IOException {
    Path manifest = path.resolve("manifest.json");
    Files.writeString(
        manifest,
        Files.readString(manifest).replace("\"formatVersion\" : 1", "\"formatVersion\" : 2"));

    assertRejected(
        "manifest.json formatVersion: expected 1, found 2, which a newer Millrace made",
        "update Millrace, or convert the model again with this one");
  }

  @Test
  void manifestWithoutVersionIsRejected() throws IOException {
    edit(manifest -> manifest.remove("formatVersion"));

    assertRejected("formatVersion: expected 1, found nothing");
  }

  @Test
  void missingChecksumFileIsRejected() throws IOException {
    Files.delete(path.resolve("manifest.sha256"));

    assertRejected("manifest.sha256: expected the manifest's SHA-256, found no such file");
  }

  @Test
  void brokenJsonIsRejected() throws IOException {
    replaceManifest("{\"formatVersion\" : ");

    assertRejected("manifest.json: expected JSON");
  }

  @Test
  void folderWithoutManifestIsRejected() {
    assertFalse(Workspace.isWorkspace(folder));
    assertThrows(MalformedWorkspaceException.class, () -> Workspace.open(folder));
    assertThrows(
        MalformedWorkspaceException.class, () -> Workspace.open(folder.resolve("nothing")));
  }

  @Test
  void unknownFieldIsRejected() throws IOException {
    edit(manifest -> manifest.put("surprise", 1));

    assertRejected("surprise");
  }

  @Test
  void unknownAttentionKindIsRejected() throws IOException {
    edit(manifest -> ((ObjectNode) manifest.at("/layers/0/attention")).put("kind", "SLIDING"));

    assertRejected("SLIDING");
  }

  @Test
  void missingNumberIsRejected() throws IOException {
    edit(manifest -> ((ObjectNode) manifest.at("/shape")).remove("hiddenSize"));

    assertRejected("manifest.json shape.hiddenSize: expected a consistent manifest");
  }

  @Test
  void fileNameThatLeavesTheFolderIsRejected() throws IOException {
    for (String name : List.of("../data.bin", "/etc/passwd", "a/b", "..", "")) {
      write(folder.resolve("ws-" + name.hashCode()));
      edit(manifest -> ((ObjectNode) manifest.at("/dataFiles/0")).put("name", name));
      assertRejected("file name: expected letters, digits, '.', '_' and '-', found '" + name + "'");
      edit(manifest -> ((ObjectNode) manifest.at("/dataFiles/0")).put("name", "data-00000.bin"));
      edit(manifest -> ((ObjectNode) manifest.at("/textFiles/0")).put("name", name));
      assertRejected("found '" + name + "'");
    }
  }

  @Test
  void linkOutOfTheFolderIsRejected() throws IOException {
    Path data = path.resolve("data-00000.bin");
    Path elsewhere = folder.resolve("elsewhere.bin");
    Files.move(data, elsewhere);
    Files.createSymbolicLink(data, elsewhere);

    assertRejected("data-00000.bin: expected a file inside the workspace, found a link to");
  }

  @Test
  void workspaceBehindALinkIsOpened() throws IOException {
    Path link = Files.createSymbolicLink(folder.resolve("link"), path);

    Workspace.open(link).close();
  }

  @Test
  void truncatedDataFileIsRejected() throws IOException {
    Path data = path.resolve("data-00000.bin");
    byte[] bytes = Files.readAllBytes(data);
    Files.write(data, java.util.Arrays.copyOf(bytes, bytes.length - 1));

    assertRejected("data-00000.bin: expected " + bytes.length + " bytes, found");
  }

  @Test
  void missingTextFileIsRejected() throws IOException {
    Files.delete(path.resolve("text/tokenizer.json"));

    assertRejected("text/tokenizer.json: expected 2 bytes, found no such file");
  }

  @Test
  void segmentOutsideItsFileIsRejected() throws IOException {
    edit(manifest -> segment(manifest, 0, 0).put("offset", 1L << 40));

    assertRejected("tensor embedding: expected bytes inside data-00000.bin");
  }

  @Test
  void segmentInNoFileIsRejected() throws IOException {
    edit(manifest -> segment(manifest, 0, 0).put("file", 9));

    assertRejected("tensor embedding: expected one of 1 data files, found number 9");
  }

  @Test
  void overlappingSegmentsAreRejected() throws IOException {
    edit(manifest -> segment(manifest, 2, 0).put("offset", 4096));

    assertRejected(
        "tensor layers.0.qkv: expected bytes of its own", "overlapping tensor embedding");
  }

  @Test
  void segmentOffAPageIsRejected() throws IOException {
    edit(manifest -> segment(manifest, 2, 0).put("offset", 4100));

    assertRejected("segment offset: expected a multiple of 4096, found 4100");
  }

  @Test
  void segmentOfAnotherSizeIsRejected() throws IOException {
    edit(manifest -> segment(manifest, 0, 0).put("bytes", 4096));

    assertRejected("embedding: segment bytes: expected 128 strips of 128");
  }

  @Test
  void segmentsThatDoNotServeTheRanksAreRejected() throws IOException {
    // two segments of 128 strips become 100 and 156
    edit(
        manifest -> {
          segment(manifest, 0, 0).put("strips", 100).put("bytes", 12_800);
          segment(manifest, 0, 1).put("strips", 156).put("bytes", 19_968).put("offset", 1 << 20);
          ((ObjectNode) manifest.at("/dataFiles/0")).put("bytes", 2 << 20);
        });

    assertRejected("tensor embedding: expected segments cut at the parts of 2 ranks");
  }

  @Test
  void missingTensorIsRejected() throws IOException {
    edit(manifest -> manifest.withArray("tensors").remove(1));

    assertRejected("tensor layers.0.attention_norm: expected, not found");
  }

  @Test
  void tensorOfAnotherShapeIsRejected() throws IOException {
    edit(manifest -> ((ObjectNode) manifest.at("/shape")).put("vocabularyPadded", 320));

    assertRejected("tensor embedding: expected OUTPUT_MAJOR EVEN [320 x 64], found");
  }

  @Test
  void modelFingerprintFollowsWeightsTextsAndGeneration() throws IOException {
    WorkspaceManifest manifest;
    try (Workspace workspace = Workspace.open(path)) {
      manifest = workspace.manifest();
    }
    String before = manifest.modelFingerprint();
    List<String> changes =
        List.of(
            "/tensors/3/segments/0/crc32c=00000001",
            "/textFiles/0/sha256=" + "1".repeat(64),
            "/generation/eosTokenIds=3",
            "/layers/0/attention/kvElement=F16");
    for (String change : changes) {
      ObjectNode tree = JSON.valueToTree(manifest);
      String pointer = change.substring(0, change.indexOf('='));
      String value = change.substring(change.indexOf('=') + 1);
      int slash = pointer.lastIndexOf('/');
      ObjectNode parent = (ObjectNode) tree.at(pointer.substring(0, slash));
      if (pointer.endsWith("eosTokenIds")) {
        parent.putArray("eosTokenIds").add(3);
      } else {
        parent.put(pointer.substring(slash + 1), value);
      }
      WorkspaceManifest changed = ManifestJson.toManifest(tree);
      assertNotEquals(before, changed.modelFingerprint(), change);
    }
  }

  private static void checkPart(WeightPart part, List<StripRange> strips) {
    ByteBuffer bytes = ByteBuffer.allocate((int) part.bytes());
    part.ranges().forEach(range -> bytes.put(range.duplicate()));
    bytes.flip();
    for (StripRange range : strips) {
      for (long strip = range.from(); strip < range.to(); strip++) {
        for (int i = 0; i < part.entry().stripBytes(); i++) {
          assertEquals(
              SmallWorkspace.expected(part.entry().name(), strip, i),
              bytes.get(),
              part.entry().name() + " strip " + strip + " byte " + i);
        }
      }
    }
    assertFalse(bytes.hasRemaining());
  }

  private static ObjectNode segment(ObjectNode manifest, int tensor, int segment) {
    return (ObjectNode) manifest.at("/tensors/" + tensor + "/segments/" + segment);
  }

  /** Edits the manifest and makes its checksum right again. */
  private void edit(Consumer<ObjectNode> change) throws IOException {
    ObjectNode manifest = (ObjectNode) JSON.readTree(path.resolve("manifest.json").toFile());
    change.accept(manifest);
    replaceManifest(manifest.toString());
  }

  private void write(Path fresh) throws IOException {
    path = SmallWorkspace.write(fresh);
  }

  private void replaceManifest(String json) throws IOException {
    byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
    Files.write(path.resolve("manifest.json"), bytes);
    Files.write(path.resolve("manifest.sha256"), ManifestJson.checksumFile(bytes));
  }

  private void assertRejected(String... parts) {
    MalformedWorkspaceException rejection =
        assertThrows(MalformedWorkspaceException.class, () -> Workspace.open(path));
    for (String part : parts) {
      assertTrue(rejection.getMessage().contains(part), rejection.getMessage());
    }
    assertTrue(rejection.getMessage().contains("(workspace=" + path + ")"), rejection.getMessage());
  }

  private static void flip(Path file, int index) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[index] ^= 0x10;
    Files.write(file, bytes);
  }
}

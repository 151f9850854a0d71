package dev.millrace.converter.read;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Damaged safetensors files are refused with the place, what was expected and what was found. */
class SafetensorsTest {
  @TempDir Path folder;

  @Test
  void tensorsAreFoundWithTheirPlaces() throws IOException {
    write(
        "{'__metadata__':{'format':'pt'},'b':{'dtype':'F32','shape':[2],'data_offsets':[6,14]},"
            + "'a':{'dtype':'BF16','shape':[3,1],'data_offsets':[0,6]}}",
        14);

    Checkpoint checkpoint = Checkpoint.open(folder);

    StoredTensor a = checkpoint.tensors().get("a");
    assertEquals(ElementType.BF16, a.type());
    assertEquals(List.of(3L, 1L), a.shape());
    assertEquals(a.offset() + 6, checkpoint.tensors().get("b").offset());
    assertEquals(14, checkpoint.bytes());
  }

  @Test
  void emptyTensorBetweenOthersIsNoOverlap() throws IOException {
    write(
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},"
            + "'e':{'dtype':'F32','shape':[0],'data_offsets':[4,4]},"
            + "'b':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}}",
        8);

    assertEquals(3, Checkpoint.open(folder).tensors().size());
  }

  @Test
  void unknownElementTypeIsRefused() throws IOException {
    write("{'a':{'dtype':'F31','shape':[2],'data_offsets':[0,8]}}", 8);

    assertRefused("tensor a dtype: expected one of [BOOL, U8");
  }

  /** Header; bytes of data; what the message must say. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | 4 | tensor a data_offsets: expected 0 to 4, the bytes of data in the file",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | 12 | length: expected the data to end at byte",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},'b':{'dtype':'F32','shape':[1],'data_offsets':[2,6]}} | 6 | found 2, which overlaps it",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},'b':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}} | 4 | overlaps it",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},'b':{'dtype':'F32','shape':[1],'data_offsets':[8,12]}} | 12 | found 8, which leaves a hole",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}} | 8 | found 4, which leaves a hole",
        "{'a':{'dtype':'F32','shape':[3],'data_offsets':[0,8]}} | 8 | expected 12 bytes for F32 [3], found 8 bytes",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[8,0]}} | 8 | in order, found [8, 0]",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[-8,0]}} | 8 | expected whole numbers from 0, found -8",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,99999999999999999999]}} | 8 | expected whole numbers from 0",
        "{'a':{'dtype':'F32','shape':[4294967296,4294967296],'data_offsets':[0,8]}} | 8 | expected a size below 2^63 bytes",
        "{'a':{'shape':[2],'data_offsets':[0,8]}} | 8 | tensor a: expected a dtype, found none",
        "{'a':{'dtype':'F32','shape':[2]}} | 8 | tensor a: expected two data_offsets",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8],'more':1}} | 8 | found also more",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},'a':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}} | 8 | Duplicate field 'a'",
        "{'a':1} | 0 | entry a: expected a JSON object",
        "[] | 0 | header: expected a JSON object",
        "{} {} | 0 | expected one JSON object, found more after it",
        "{'a' | 0 | expected valid JSON",
      })
  void damagedHeaderIsRefused(String header, int dataBytes, String message) throws IOException {
    write(header, dataBytes);

    CheckpointException refusal =
        assertThrows(CheckpointException.class, () -> Checkpoint.open(folder));

    assertTrue(refusal.getMessage().contains(message), refusal.getMessage());
    assertTrue(refusal.getMessage().startsWith("model.safetensors, "), refusal.getMessage());
    assertTrue(refusal.getMessage().contains("download it again"), refusal.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "1073741824 | header length: expected 2 to 100000000 bytes, found 1073741824",
        "-1 | found 18446744073709551615",
        "99 | expected at most the 2 bytes that follow it in the file, found 99",
        "0 | expected 2 to 100000000 bytes, found 0",
      })
  void headerLengthIsCheckedBeforeItIsRead(long length, String message) throws IOException {
    ByteBuffer file = ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
    file.put((byte) '{').put((byte) '}');
    Files.write(folder.resolve("model.safetensors"), file.array());

    assertRefused(message);
  }

  @Test
  void fileShorterThanItsLengthFieldIsRefused() throws IOException {
    Files.write(folder.resolve("model.safetensors"), new byte[5]);

    assertRefused("length: expected at least 8 bytes, found 5 bytes");
  }

  @Test
  void folderWithoutSafetensorsIsRefused() throws IOException {
    assertRefused("found no safetensors file; other formats (.bin, .pth, .gguf) are not read");
  }

  @Test
  void shardsWithoutIndexAreRefused() throws IOException {
    Files.write(folder.resolve("model-00001-of-00002.safetensors"), new byte[10]);
    Files.write(folder.resolve("model-00002-of-00002.safetensors"), new byte[10]);

    assertRefused("found 2 safetensors files and no index");
  }

  @Test
  void indexThatLeavesTheFolderIsRefused() throws IOException {
    index("{'weight_map':{'a':'../other/model.safetensors'}}");

    assertRefused("expected a file name in this folder, found '../other/model.safetensors'");
  }

  @Test
  void indexWithoutTensorsIsRefused() throws IOException {
    index("{'metadata':{}}");

    assertRefused("weight_map: expected tensors and their files, found nothing");
  }

  @Test
  void missingShardIsRefused() throws IOException {
    index("{'weight_map':{'a':'model-00001-of-00002.safetensors'}}");

    assertRefused("expected a safetensors file, found no such file");
  }

  @Test
  void tensorThatTheIndexPromisesMustBeInItsShard() throws IOException {
    write("one.safetensors", "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}}", 4);
    write("two.safetensors", "{'b':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}}", 4);
    index("{'weight_map':{'a':'two.safetensors','b':'one.safetensors'}}");

    assertRefused("expected the tensor in two.safetensors, found it in one.safetensors");
  }

  @Test
  void tensorInTwoShardsIsRefused() throws IOException {
    write("one.safetensors", "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}}", 4);
    write(
        "two.safetensors",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},"
            + "'b':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}}",
        8);
    index("{'weight_map':{'a':'one.safetensors','b':'two.safetensors'}}");

    assertRefused("tensor a: expected each tensor in one file, found it in one.safetensors too");
  }

  @Test
  void fingerprintFollowsWeightsAndTexts() throws IOException {
    write("{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}}", 8);
    String before = Checkpoint.open(folder).fingerprint();
    assertEquals(before, Checkpoint.open(folder).fingerprint());

    Files.writeString(folder.resolve("tokenizer.json"), "{}");
    String withText = Checkpoint.open(folder).fingerprint();
    byte[] file = Files.readAllBytes(folder.resolve("model.safetensors"));
    file[file.length - 4] ^= 1;
    Files.write(folder.resolve("model.safetensors"), file);

    assertEquals(
        3,
        List.of(before, withText, Checkpoint.open(folder).fingerprint()).stream()
            .distinct()
            .count());
  }

  @Test
  void windowsOfWholeRowsGiveTheSameBytes() throws IOException {
    write("{'a':{'dtype':'U8','shape':[7,3],'data_offsets':[0,21]}}", 21);
    StoredTensor tensor = Checkpoint.open(folder).tensors().get("a");
    TensorData windowed = new TensorData(tensor, 7);

    ByteBuffer copy = ByteBuffer.allocate(15);
    windowed.copyRows(1, 5, copy);

    for (int i = 0; i < 15; i++) {
      assertEquals((byte) (3 + i), copy.get(i));
    }
    assertEquals(9, windowed.window(3).get(windowed.offset(3)));
  }

  private void assertRefused(String message) {
    CheckpointException refusal =
        assertThrows(CheckpointException.class, () -> Checkpoint.open(folder));
    assertTrue(refusal.getMessage().contains(message), refusal.getMessage());
  }

  private void index(String json) throws IOException {
    Files.writeString(folder.resolve("model.safetensors.index.json"), json.replace('\'', '"'));
  }

  private void write(String header, int dataBytes) throws IOException {
    write("model.safetensors", header, dataBytes);
  }

  private void write(String name, String header, int dataBytes) throws IOException {
    byte[] json = header.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
    ByteBuffer file =
        ByteBuffer.allocate(8 + json.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(json.length).put(json);
    for (int i = 0; i < dataBytes; i++) {
      file.put((byte) i);
    }
    Files.write(folder.resolve(name), file.array());
  }
}

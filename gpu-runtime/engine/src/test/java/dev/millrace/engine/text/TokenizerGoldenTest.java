package dev.millrace.engine.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Ids and decoded text against what Hugging Face tokenizers gave. */
final class TokenizerGoldenTest {

  @ParameterizedTest
  @CsvSource({
    "tokenizers/qwen2.5/tokenizer.json, golden/qwen2.5.jsonl",
    "models/stories260K/tokenizer.json, golden/stories260K.jsonl",
    "tokenizers/smollm2/tokenizer.json, golden/smollm2-135m/tokenizer.jsonl",
    "tokenizers/qwen3/tokenizer.json, golden/tokenizer-qwen3.jsonl",
    "tokenizers/minimind/tokenizer.json, golden/tokenizer-minimind.jsonl",
    "models/tiny-qwen2.5/tokenizer.json, golden/tokenizer-tiny-qwen2.5.jsonl",
    "models/stories260K/tokenizer.json, golden/tokenizer-stories260K.jsonl",
  })
  void idsAndTextEqualTheGoldens(String tokenizerFile, String goldenFile) throws Exception {
    Tokenizer tokenizer = Tokenizer.load(SampleData.path(tokenizerFile));
    List<JsonNode> cases = SampleData.lines(goldenFile);
    for (int i = 0; i < cases.size(); i++) {
      check(tokenizer, cases.get(i), goldenFile + " line " + (i + 1));
    }
  }

  /** Small tokenizers for pre-tokenizers, normalisers and flags that the real ones do not use. */
  @Test
  void syntheticTokenizersEqualTheGoldens() throws Exception {
    Map<String, Tokenizer> tokenizers = new HashMap<>();
    for (JsonNode golden : SampleData.lines("golden/tokenizer-synthetic.jsonl")) {
      String name = golden.get("tokenizer").textValue();
      if (!tokenizers.containsKey(name)) {
        tokenizers.put(
            name, Tokenizer.load(SampleData.path("tokenizers/synthetic/" + name + ".json")));
      }
      check(tokenizers.get(name), golden, "golden/tokenizer-synthetic " + name + " " + golden);
    }
    assertEquals(16, tokenizers.size());
  }

  private static void check(Tokenizer tokenizer, JsonNode golden, String where) throws Exception {
    if (golden.has("repeat")) {
      String text =
          golden.get("repeat").get(0).textValue().repeat(golden.get("repeat").get(1).intValue());
      int[] ids = tokenizer.encode(text, true);
      assertEquals(golden.get("length").intValue(), ids.length, where);
      assertEquals(golden.get("sha256").textValue(), sha256(ids), where);
      assertEquals(tokenizer.decode(ids, false), streamed(tokenizer, ids, false), where);
      return;
    }
    boolean random = golden.has("random_ids");
    int[] ids = SampleData.ints(golden.get(random ? "random_ids" : "ids"));
    if (!random) {
      assertArrayEquals(ids, tokenizer.encode(golden.get("text").textValue(), true), where);
    }
    String whole = golden.get("decoded").textValue();
    assertEquals(whole, tokenizer.decode(ids, false), where);
    if (where.startsWith("golden/tokenizer-") || golden.has("decoded_without_special")) {
      String without = golden.path("decoded_without_special").asText(whole);
      assertEquals(without, tokenizer.decode(ids, true), where);
    }
  }

  static String streamed(Tokenizer tokenizer, int[] ids, boolean skipSpecial) {
    StreamingDecoder decoder = tokenizer.streamingDecoder(skipSpecial);
    StringBuilder pieces = new StringBuilder();
    for (int id : ids) {
      pieces.append(decoder.append(id));
    }
    pieces.append(decoder.finish());
    assertEquals(decoder.text(), pieces.toString());
    return decoder.text();
  }

  private static String sha256(int[] ids) throws Exception {
    ByteBuffer bytes = ByteBuffer.allocate(4 * ids.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asIntBuffer().put(ids);
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.array()));
  }
}

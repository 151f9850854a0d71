package dev.millrace.engine.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Ids and decoded text against what Hugging Face tokenizers gave. */
final class TokenizerGoldenTest {

  @Test
  void qwen25GivesTheIdsOfTheGoldens() throws Exception {
    checkAll("tokenizers/qwen2.5/tokenizer.json", "golden/qwen2.5.jsonl");
  }

  @Test
  void stories260kGivesTheIdsOfTheGoldens() throws Exception {
    checkAll("models/stories260K/tokenizer.json", "golden/stories260K.jsonl");
  }

  @Test
  void smollm2GivesTheIdsOfTheGoldens() throws Exception {
    checkAll("tokenizers/smollm2/tokenizer.json", "golden/smollm2-135m/tokenizer.jsonl");
  }

  private static void checkAll(String tokenizerFile, String goldenFile) throws Exception {
    Tokenizer tokenizer = Tokenizer.load(SampleData.path(tokenizerFile));
    List<JsonNode> cases = SampleData.lines(goldenFile);
    for (int i = 0; i < cases.size(); i++) {
      JsonNode golden = cases.get(i);
      String where = goldenFile + " line " + (i + 1);
      int[] ids = SampleData.ints(golden.get("ids"));
      assertArrayEquals(ids, tokenizer.encode(golden.get("text").textValue(), true), where);
      assertEquals(golden.get("decoded").textValue(), tokenizer.decode(ids, false), where);
      if (golden.has("decoded_without_special")) {
        String text = golden.get("decoded_without_special").textValue();
        assertEquals(text, tokenizer.decode(ids, true), where);
      }
    }
  }
}

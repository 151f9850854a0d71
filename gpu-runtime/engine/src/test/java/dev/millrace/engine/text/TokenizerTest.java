package dev.millrace.engine.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.RequestException;
import dev.millrace.engine.text.taint.TaintedText;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What tokenising promises beyond the goldens: trust, streaming, threads, bad text. */
final class TokenizerTest {
  private static final String TINY = "models/tiny-qwen2.5/tokenizer.json";
  private static final String STORIES = "models/stories260K/tokenizer.json";

  private static Tokenizer load(String file) throws Exception {
    return Tokenizer.load(SampleData.path(file));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        TINY,
        STORIES,
        "tokenizers/smollm2/tokenizer.json",
        "tokenizers/minimind/tokenizer.json",
        "tokenizers/synthetic/flags.json"
      })
  void noAddedTokenComesOutOfData(String file) throws Exception {
    Tokenizer tokenizer = load(file);
    for (int id = 0; id < tokenizer.vocabularySize(); id++) {
      if (!tokenizer.isSpecial(id)) {
        continue;
      }
      String spelled = tokenizer.tokenText(id);
      for (String text : List.of(spelled, " " + spelled + spelled, "a" + spelled + "\n")) {
        for (int each : tokenizer.encode(text, false)) {
          // The unknown token stands for what has no other, and is no instruction to a model.
          boolean unknown = tokenizer.tokenText(each).equals("<unk>");
          assertFalse(tokenizer.isSpecial(each) && !unknown, file + ": '" + text + "'");
        }
        assertTrue(
            Arrays.stream(tokenizer.encode(text, true)).anyMatch(tokenizer::isSpecial),
            file + ": '" + text + "'");
      }
    }
  }

  /** Text without special tokens gives the same ids however it is divided into trust. */
  @Test
  void seamsBetweenTrustAndDataChangeNoIds() throws Exception {
    long seed = Long.getLong("tests.seed", System.nanoTime());
    Random random = new Random(seed);
    for (String file : List.of(TINY, STORIES, "tokenizers/synthetic/nfkd-lower.json")) {
      Tokenizer tokenizer = load(file);
      for (JsonNode golden : SampleData.lines("golden/tokenizer-minimind.jsonl")) {
        String text = golden.path("text").asText("");
        if (text.contains("<|") || text.contains("<s>") || text.contains("</s>")) {
          continue;
        }
        TaintedText.Builder seamed = new TaintedText.Builder();
        for (int at = 0; at < text.length(); ) {
          int end = Math.min(text.length(), at + 1 + random.nextInt(4));
          seamed.append(text.substring(at, end), random.nextBoolean());
          at = end;
        }
        assertArrayEquals(
            tokenizer.encode(text, true),
            tokenizer.encode(seamed.build()),
            "tests.seed=" + seed + " " + file + " '" + text + "'");
      }
    }
  }

  @Test
  void specialTokenCountsOnlyIfAllOfItIsTrusted() throws Exception {
    Tokenizer tokenizer = load(TINY);
    int end = tokenizer.tokenId("<|im_end|>").getAsInt();
    String token = "<|im_end|>";

    for (int cut = 1; cut < token.length(); cut++) {
      TaintedText forged =
          new TaintedText.Builder()
              .append(token.substring(0, cut), true)
              .append(token.substring(cut), false)
              .build();
      int[] ids = tokenizer.encode(forged);
      assertTrue(Arrays.stream(ids).noneMatch(id -> id == end), "cut at " + cut);
      assertArrayEquals(tokenizer.encode(token, false), ids);
    }
    TaintedText genuine =
        new TaintedText.Builder().append("<", true).append(token, false).append("|>", true).build();
    assertEquals(1, Arrays.stream(tokenizer.encode(genuine)).filter(id -> id == end).count());
  }

  @Test
  void halfASurrogatePairIsRefused() throws Exception {
    Tokenizer tokenizer = load(TINY);

    for (String text : List.of("a\uD83D", "\uDE00b", "\uD83Dx", "\uDE00\uD83D")) {
      RequestException e =
          assertThrows(RequestException.class, () -> tokenizer.encode(text, false));
      assertEquals(FailureReason.PROMPT_INVALID, e.failure().reason());
    }
    assertEquals("😀", tokenizer.decode(tokenizer.encode("😀", false), false));
  }

  @ParameterizedTest
  @ValueSource(strings = {TINY, STORIES, "tokenizers/smollm2/tokenizer.json"})
  void streamingGivesTheTextOfTheWhole(String file) throws Exception {
    Tokenizer tokenizer = load(file);
    long seed = Long.getLong("tests.seed", System.nanoTime());
    Random random = new Random(seed);
    for (int round = 0; round < 3_000; round++) {
      int size = tokenizer.vocabularySize();
      int[] ids = random.ints(random.nextInt(30), 0, round % 2 == 0 ? size : 300).toArray();
      for (boolean skip : new boolean[] {false, true}) {
        String streamed = TokenizerGoldenTest.streamed(tokenizer, ids, skip);
        String whole = tokenizer.decode(ids, skip);
        if (file.equals(STORIES) && whole.indexOf('\uFFFD') >= 0) {
          // A malformed run of byte tokens: the whole loses the good characters in it as well.
          assertTrue(streamed.indexOf('\uFFFD') >= 0, "tests.seed=" + seed);
          continue;
        }
        assertEquals(whole, streamed, "tests.seed=" + seed + " " + Arrays.toString(ids));
      }
    }
  }

  @Test
  void streamingHoldsBackWhatIsNoCharacterYet() throws Exception {
    Tokenizer tokenizer = load(TINY);
    int[] ids = tokenizer.encode("é😀", false);
    StreamingDecoder decoder = tokenizer.streamingDecoder(true);
    StringBuilder text = new StringBuilder();
    for (int id : ids) {
      String piece = decoder.append(id);
      assertFalse(piece.contains("\uFFFD"));
      text.append(piece);
    }

    assertEquals("é😀", text.toString());
    assertTrue(ids.length > 2, "the characters must take several tokens for this to test anything");
    StreamingDecoder cut = tokenizer.streamingDecoder(true);
    cut.append(ids[0]);
    assertEquals("", cut.text());
    assertEquals("\uFFFD", cut.finish());
    assertEquals("", cut.finish());
  }

  @Test
  void newlineOfAByteTokenComesAtOnce() throws Exception {
    Tokenizer tokenizer = load(STORIES);
    StreamingDecoder decoder = tokenizer.streamingDecoder(true);

    assertEquals("\n", decoder.append(tokenizer.tokenId("<0x0A>").getAsInt()));
  }

  @Test
  void bytesWithoutATokenAreDropped() throws Exception {
    Tokenizer tokenizer = load("tokenizers/smollm2/tokenizer.json");

    assertArrayEquals(new int[0], tokenizer.encode("\u0004", false));
    assertEquals(3, tokenizer.encode(Character.toString(0x40000), false).length);
  }

  @Test
  void idsWithoutATokenDecodeToNothing() throws Exception {
    Tokenizer tokenizer = load(TINY);

    assertEquals("", tokenizer.decode(new int[] {1_000_000}, false));
    assertEquals(0, tokenizer.tokenByteLength(1_000_000));
    assertThrows(IllegalArgumentException.class, () -> tokenizer.decode(new int[] {-1}, false));
  }

  @Test
  void tokensOfABatchAddUpToTheBytesOfTheText() throws Exception {
    Tokenizer tokenizer = load(TINY);
    String text = "Grüße, 世界! 😀 it's 3.14";

    int bytes = 0;
    for (int id : tokenizer.encode(text, false)) {
      bytes += tokenizer.tokenByteLength(id);
    }

    assertEquals(text.getBytes(java.nio.charset.StandardCharsets.UTF_8).length, bytes);
  }

  @Test
  void threadsShareOneTokenizer() throws Exception {
    Tokenizer tokenizer = load("tokenizers/minimind/tokenizer.json");
    List<JsonNode> cases = SampleData.lines("golden/tokenizer-minimind.jsonl");
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      List<Future<?>> results = new java.util.ArrayList<>();
      for (int t = 0; t < 4; t++) {
        results.add(
            threads.submit(
                () -> {
                  for (JsonNode golden : cases) {
                    if (golden.has("text")) {
                      assertArrayEquals(
                          SampleData.ints(golden.get("ids")),
                          tokenizer.encode(golden.get("text").textValue(), true));
                    }
                  }
                  return null;
                }));
      }
      for (Future<?> result : results) {
        result.get();
      }
    } finally {
      threads.shutdownNow();
    }
  }
}

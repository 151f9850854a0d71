package dev.millrace.engine.text.split;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Own pattern matching against java.util.regex, on characters that every JDK classifies alike. */
final class SplitPatternTest {
  private static final String QWEN =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+"
          + "[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  private static final String LLAMA_3 = QWEN.replace("\\p{N}| ?", "\\p{N}{1,3}| ?");
  private static final String GPT_2 =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
  private static final String UPPER_LOWER =
      "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+"
          + "(?i:'s|'t|'re)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s+(?!\\S)|\\s+";
  private static final String POOL =
      "aZsStTrReEvVdDmMlL'' \t\n\r!-_./09五١é中あ한😀𝟘𐐀\u0301\u200d\u00a0\u0085\u2028\u3000ßſǅʰ";

  @Test
  void randomTextsAreCutAsJavaRegexCutsThem() {
    long seed = Long.getLong("tests.seed", System.nanoTime());
    Random random = new Random(seed);
    int[] pool = POOL.codePoints().toArray();
    for (String source : List.of(QWEN, LLAMA_3, GPT_2, UPPER_LOWER)) {
      Pattern oracle = Pattern.compile(javaSyntax(source));
      PreTokenizer split =
          PreTokenizers.split(SplitPattern.compile(source), SplitBehavior.ISOLATED, false);
      for (int round = 0; round < 20_000; round++) {
        StringBuilder text = new StringBuilder();
        int length = random.nextInt(40);
        for (int i = 0; i < length; i++) {
          int c = pool[random.nextInt(pool.length)];
          int times = random.nextInt(8) == 0 ? 1 + random.nextInt(6) : 1;
          text.append(Character.toString(c).repeat(times));
        }
        assertEquals(
            cutBy(oracle, text.toString()),
            cutBy(split, text.toString()),
            "tests.seed=" + seed + " " + source + " on '" + text + "'");
      }
    }
  }

  /** Java's classes are ASCII's unless told; its case-insensitivity too. */
  private static String javaSyntax(String source) {
    return source
        .replace("(?i:", "(?iu:")
        .replace("\\s", "\\p{IsWhite_Space}")
        .replace("\\S", "\\P{IsWhite_Space}");
  }

  private static List<String> cutBy(Pattern pattern, String text) {
    List<String> words = new ArrayList<>();
    Matcher matcher = pattern.matcher(text);
    int done = 0;
    while (matcher.find()) {
      if (done < matcher.start()) {
        words.add(text.substring(done, matcher.start()));
      }
      words.add(matcher.group());
      done = matcher.end();
    }
    if (done < text.length()) {
      words.add(text.substring(done));
    }
    return words;
  }

  private static List<String> cutBy(PreTokenizer split, String text) {
    List<String> words = new ArrayList<>();
    char[] chars = text.toCharArray();
    split.split(
        chars, 0, chars.length, true, (c, from, to) -> words.add(new String(c, from, to - from)));
    return words;
  }

  @Test
  void repetitionsAreAsGreedyAsTheyMayBe() {
    assertEquals(List.of("ab", "aab", "b"), cutBy(pattern("a{1,2}b|b"), "abaabb"));
    assertEquals(List.of("aaa", "a"), cutBy(pattern("a{3}|a"), "aaaa"));
    assertEquals(List.of("aaaa"), cutBy(pattern("a{2,}"), "aaaa"));
    assertEquals(List.of("aaab"), cutBy(pattern("a*ab"), "aaab"));
    assertEquals(List.of("aaa", "b"), cutBy(pattern("a*+ab|a+|b"), "aaab"));
    assertEquals(List.of("xab", "xc"), cutBy(pattern("x(?:ab|c)"), "xabxc"));
    assertEquals(List.of("ab", "a", "c"), cutBy(pattern("a(?:b)?|c"), "abac"));
    assertEquals(List.of("a", "ab"), cutBy(pattern("a(?=a)|ab"), "aab"));
    assertEquals(List.of("]-", "x"), cutBy(pattern("[\\]\\-]+"), "]-x"));
    assertEquals(List.of("\u4e00é"), cutBy(pattern("[\\x{4e00}\\xe9]+"), "\u4e00é"));
  }

  private static PreTokenizer pattern(String source) {
    return PreTokenizers.split(SplitPattern.compile(source), SplitBehavior.ISOLATED, false);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a*",
        "(?:a)+",
        "(?:a|b)*",
        "a??",
        "a+?",
        "a{1,2}+",
        "^a",
        "a$",
        ".",
        "(?<n>a)",
        "(?>a)",
        "(?<=a)b",
        "(?<!a)b",
        "\\1",
        "\\b",
        "\\p{Han}",
        "\\p{C}",
        "[[:alpha:]]",
        "[a&&b]",
        "[z-a]",
        "a)",
        "(a",
        "[a",
        "a{2,1}",
        "(?i:é)",
        "(?i:ss)",
        "(?i:\\p{Lu})",
        "(?=a)",
        "\\x{110000}",
        "[]a]",
        "\\q",
        "(?!a)*b"
      })
  void otherConstructsAreRefusedWithThePattern(String source) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> SplitPattern.compile(source));

    assertTrue(e.getMessage().contains(source), e.getMessage());
  }

  @Test
  void longRunsTakeNoStack() {
    String text = "a".repeat(1_000_000) + " ".repeat(1_000_000) + "!".repeat(1_000_000);

    assertEquals(3, cutBy(pattern(QWEN), text).size());
  }
}

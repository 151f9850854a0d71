package dev.millrace.jobs.inert;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class InertTextTest {
  @Test
  void terminalCommandsAreShownAsPictures() {
    assertEquals(
        "⟨U+001B⟩[31mred⟨U+001B⟩]0;title⟨U+0007⟩",
        InertText.line("\u001b[31mred\u001b]0;title\u0007"));
    assertEquals("a⟨U+0000⟩b⟨U+007F⟩c⟨U+009B⟩d", InertText.line("a\0b\u007fc\u009bd"));
  }

  @Test
  void lineBreaksStayInABlockAndAreShownInALine() {
    assertEquals("a\n\tb⟨U+000D⟩", InertText.block("a\n\tb\r"));
    assertEquals("a⟨U+000A⟩⟨U+0009⟩b⟨U+000D⟩", InertText.line("a\n\tb\r"));
  }

  @Test
  void bidiOverridesAndHiddenCharactersAreNamed() {
    assertEquals("x⟨U+202E⟩y⟨U+2066⟩z", InertText.line("x\u202ey\u2066z"));
    assertEquals("a⟨U+200B⟩b⟨U+FEFF⟩⟨U+00AD⟩", InertText.line("a\u200bb\ufeff\u00ad"));
    assertEquals("⟨U+2028⟩⟨U+2029⟩", InertText.line("\u2028\u2029"));
    assertEquals("⟨U+E0041⟩", InertText.line(new String(Character.toChars(0xe0041))));
  }

  @Test
  void aBrokenSurrogateIsNamedAndAWholePairStays() {
    assertEquals("⟨U+D800⟩a", InertText.line("\ud800a"));
    assertEquals("\ud83d\ude00", InertText.line("\ud83d\ude00"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"שלום עולם", "مرحبا", "日本語", "नमस्ते", "naïve – “x”", "e\u0301", "می\u200cخواهم"})
  void lettersOfEveryScriptPass(String text) {
    assertEquals(text, InertText.line(text));
  }

  @Test
  void markupIsText() {
    assertEquals(
        "&lt;script&gt;alert(&#39;&quot;&#96;&amp;)&lt;/script&gt;",
        InertText.html("<script>alert('\"`&)</script>"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "=1+1",
        "+1",
        "-2",
        "@SUM(A1)",
        "\t=1",
        "\n=1",
        " =1",
        "|cmd",
        "%0A=1",
        "＝1",
        "\r=1"
      })
  void formulasAreTextInASpreadsheet(String text) {
    String cell = InertText.csv(text);

    assertTrue(cell.startsWith("\"'") || cell.startsWith("\"⟨U+000D⟩"), cell);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "plain",
        "a,b;c",
        "\"",
        "\"\"\"",
        "\",\"=1+1",
        "a\nb",
        "a\r\nb",
        "\n\n",
        " x ",
        "it's, \"so\"\n=1",
        "\u05d0\u05d1,\ud83d\ude00"
      })
  void aCellReadsBackAsTheTextInOneCell(String text) {
    String line = "before," + InertText.csv(text) + ",after\r\n";

    List<String> cells = cells(line);

    assertEquals(3, cells.size(), line);
    assertEquals(text.replace("\r\n", "\n"), cells.get(1).replaceFirst("^'(?=[=+@-])", ""), line);
    assertEquals("after", cells.get(2));
  }

  @Test
  void aCellOfAMegabyteReadsBackWhole() {
    String text = "a \"quoted\", line\n".repeat(1 << 16);

    assertEquals(text, cells(InertText.csv(text) + "\r\n").get(0));
  }

  /** The cells of one record of RFC 4180, read by the book: 2-5, 2-6 and 2-7. */
  private static List<String> cells(String record) {
    List<String> cells = new ArrayList<>();
    StringBuilder cell = new StringBuilder();
    int i = 0;
    while (i < record.length()) {
      if (record.charAt(i) == '"') {
        i++;
        while (record.charAt(i) != '"' || record.charAt(i + 1) == '"') {
          i += record.charAt(i) == '"' ? 1 : 0;
          cell.append(record.charAt(i++));
        }
        i++;
      } else {
        while (record.charAt(i) != ',' && record.charAt(i) != '\r') {
          cell.append(record.charAt(i++));
        }
      }
      cells.add(cell.toString());
      cell.setLength(0);
      if (record.charAt(i) == '\r') {
        assertEquals("\r\n", record.substring(i), "one record");
        return cells;
      }
      assertEquals(',', record.charAt(i++));
    }
    throw new AssertionError("no end of the record");
  }

  @Test
  void quotesAreDoubledInACell() {
    assertEquals("\"a \"\"b\"\", c\"", InertText.csv("a \"b\", c"));
  }

  @Test
  void aLongTextKeepsItsBeginningAndEndAndSaysWhatIsMissing() {
    String shown =
        InertText.shortened("a".repeat(75) + "x".repeat(1_000_000) + "b".repeat(25), 100);

    assertEquals(
        "a".repeat(75) + "\n[… 1,000,000 characters left out …]\n" + "b".repeat(25), shown);
    assertEquals("short", InertText.shortened("short", 5));
  }

  @Test
  void aLineIsCutWithoutBreakingAPairOrAName() {
    assertEquals("abc", InertText.line("abc", 3));
    assertEquals("abc...", InertText.line("abcd", 3));
    assertEquals("ab...", InertText.line("ab\ud83d\ude00", 3));
    assertEquals("⟨U+001B⟩...", InertText.line("\u001b[31m", 1));
  }

  @Test
  void cuttingNeverBreaksAPair() {
    String text = "\ud83d\ude00".repeat(101);
    for (int max = 4; max < 40; max++) {
      String shown = InertText.shortened(text, max);
      assertFalse(InertText.block(shown).contains("⟨U+D"), shown);
    }
  }

  @Test
  void nothingThatActsIsLeftOfRandomText() {
    long seed = Long.getLong("tests.seed", 20261125L);
    Random random = new Random(seed);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 20_000; i++) {
      text.append((char) random.nextInt(0x10000));
    }

    String shown = InertText.line(text);

    String left = "seed " + seed;
    assertTrue(shown.chars().noneMatch(c -> c < 0x20 || (c >= 0x7f && c < 0xa0)), left);
    assertTrue(shown.codePoints().noneMatch(c -> c >= 0x202a && c <= 0x202e), left);
    assertTrue(shown.codePoints().noneMatch(c -> c >= 0x2066 && c <= 0x2069), left);
    assertTrue(InertText.html(text).chars().noneMatch(c -> c == '<' || c == '>'), left);
  }
}

package dev.millrace.jobs.spec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OptionTypeTest {

  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "17, 17",
    "1KiB, 1024",
    "512MiB, 536870912",
    "4GiB, 4294967296",
    "3 g, 3221225472",
    "7B, 7"
  })
  void sizesAreReadInBinaryUnits(String text, long bytes) {
    assertEquals(bytes, OptionType.BYTES.parse(List.of(text), List.of()));
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "1, 1", "0.005, 0.005", "1%, 0.01", "0.5%, 0.005", "100%, 1"})
  void sharesAreReadAsPartsOfAWholeOrPerCent(String text, double share) {
    assertEquals(share, (Double) OptionType.SHARE.parse(List.of(text), List.of()), 1e-12);
  }

  @ParameterizedTest
  @CsvSource({
    "INTEGER, 1.5, a whole number",
    "INTEGER, 9223372036854775808, a whole number",
    "INTEGER, '', a whole number",
    "DECIMAL, warm, a number",
    "DECIMAL, NaN, a number",
    "DECIMAL, Infinity, a number",
    "FLAG, maybe, true or false",
    "BYTES, 4 apples, a size",
    "BYTES, 9999999999TiB, a size",
    "SHARE, 1.5, a share",
    "SHARE, 101%, a share",
    "SHARE, NaN, a share",
    "INTEGERS, '1,,2', a whole number",
    "INTEGERS, 4294967296, a whole number",
    "BIASES, 12, ID=BIAS",
    "PAIRS, max_tokens=, NAME=VALUE"
  })
  void whatIsNotOfTheTypeIsRefusedWithBothSides(OptionType type, String text, String expected) {
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> type.parse(List.of(text), List.of()));

    assertTrue(refused.getMessage().contains("expected " + expected), refused.getMessage());
    assertTrue(refused.getMessage().contains("found '"), refused.getMessage());
  }

  @Test
  void aMistypedWordIsAnsweredWithTheNearestOne() {
    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class,
            () -> OptionType.CHOICE.parse(List.of("parket"), List.of("same", "parquet", "jsonl")));

    assertTrue(refused.getMessage().endsWith("did you mean parquet?"), refused.getMessage());
  }

  @Test
  void listsTakeCommasForNumbersButNotForTexts() {
    assertEquals(List.of(1, 2, 3), OptionType.INTEGERS.parse(List.of("1,2", "3"), List.of()));
    assertEquals(List.of("a,b", "c"), OptionType.TEXTS.parse(List.of("a,b", "c"), List.of()));
    assertEquals(
        Map.of(5, -100.0, 7, 1.5), OptionType.BIASES.parse(List.of("5=-100,7=1.5"), List.of()));
  }
}

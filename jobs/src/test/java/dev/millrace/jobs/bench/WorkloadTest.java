package dev.millrace.jobs.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WorkloadTest {

  /** Expected values come from another program's reading of the same definition. */
  @ParameterizedTest
  @CsvSource({
    "sharegpt, 0,    764,  127,  57535,  122465, 145440, 58982411",
    "sharegpt, 17,   194,  28,   106762, 7844,   83860,  14620418",
    "sharegpt, 2999, 204,  217,  93548,  136332, 19717,  15194462",
    "1k1k,     1023, 1024, 1024, 125338, 85041,  4172,   75429322",
    "2k128,    767,  2048, 128,  99985,  21330,  51271,  152792412",
    "shared,   0,    1560, 64,   118028, 30552,  122076, 118265835",
    "shared,   17,   1560, 64,   3315,   15169,  78291,  117136938",
    "shared,   2047, 1560, 64,   146999, 87963,  108226, 117849971"
  })
  void rowsAreThoseOfTheDefinition(
      String name, int row, int prompt, int output, int first, int second, int last, long sum) {
    Workload workload = Workload.of(name);
    int[] tokens = workload.prompt(row);

    assertEquals(new Workload.Lengths(prompt, output), workload.lengths(row));
    assertEquals(prompt, tokens.length);
    assertEquals(first, tokens[0]);
    assertEquals(second, tokens[1]);
    assertEquals(last, tokens[prompt - 1]);
    assertEquals(sum, Arrays.stream(tokens).asLongStream().sum());
  }

  @Test
  void sizesAreThoseOfTheDefinition() {
    assertEquals(3000, Workload.of("sharegpt").size());
    assertEquals(220, Workload.of("sharegpt").promptTokens() / 3000);
    assertEquals(200, Math.round(Workload.of("sharegpt").outputTokens() / 3000.0));
    assertEquals(1024, Workload.of("1k1k").size());
    assertEquals(256, Workload.of("1k1k-256").size());
    assertEquals(768, Workload.of("2k128").size());
    assertEquals(2048, Workload.of("shared").size());
    assertEquals(12, Workload.of("shared").limitedTo(12).size());
  }

  @Test
  void rowsThatAreAllAlikeAreNamedByTheirSizes() {
    Workload workload = Workload.of("32x128x512");

    assertEquals(32, workload.size());
    assertEquals(new Workload.Lengths(128, 512), workload.lengths(31));
    assertEquals(
        Arrays.stream(Workload.of("1k1k").prompt(5)).limit(128).boxed().toList(),
        Arrays.stream(workload.prompt(5)).boxed().toList());
    assertThrows(IllegalArgumentException.class, () -> Workload.of("0x128x512"));
  }

  @Test
  void smallModelsGetTokensTheyKnow() {
    int[] tokens = Workload.of("1k1k").forVocabulary(300).prompt(5);

    assertTrue(Arrays.stream(tokens).allMatch(token -> token >= 0 && token < 300));
    assertTrue(Arrays.stream(tokens).distinct().count() > 200);
  }

  @Test
  void unknownNameIsAnsweredWithTheKnownOnes() {
    String message =
        assertThrows(IllegalArgumentException.class, () -> Workload.of("chat")).getMessage();

    assertTrue(message.contains("sharegpt, 1k1k"), message);
  }
}

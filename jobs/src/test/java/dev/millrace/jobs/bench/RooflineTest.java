package dev.millrace.jobs.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class RooflineTest {
  private static final Ceilings H200 = Ceilings.given(4.3e12, 790e12);

  /** Qwen2.5-7B in bf16, from its published shapes. */
  private static final Roofline SEVEN =
      new Roofline(
          28.0 * (3584.0 * (28 + 8) * 128 + 28.0 * 128 * 3584 + 3.0 * 3584 * 18944),
          2 * 28.0 * (3584.0 * (28 + 8) * 128 + 28.0 * 128 * 3584 + 3.0 * 3584 * 18944),
          152064.0 * 3584,
          2.0 * 28 * 4 * 128 * 2,
          28.0 * 28 * 128);

  @Test
  void largeBatchesAreBoundByArithmetic() {
    assertEquals(24_700, SEVEN.outputTokensPerSecond(1024, 220, 0, 200, 1, H200), 100);
    assertEquals(18_300, SEVEN.outputTokensPerSecond(1024, 1024, 0, 1024, 1, H200), 200);
    assertEquals(3_112, SEVEN.outputTokensPerSecond(768, 2048, 0, 128, 1, H200), 60);
  }

  @Test
  void smallBatchesAreBoundByReadingTheWeights() {
    double one = SEVEN.outputTokensPerSecond(1, 1, 0, 200, 1, H200);

    assertEquals(4.3e12 / (2 * (6.53e9 + 0.545e9)), one, 5);
  }

  @Test
  void tokensOfThePrefixCacheCostNothing() {
    double own = SEVEN.outputTokensPerSecond(1024, 60, 0, 64, 1, H200);
    double behind = SEVEN.outputTokensPerSecond(1024, 1560, 1500, 64, 1, H200);

    assertEquals(own, behind, 0.1 * own);
    assertTrue(behind < own, "what is computed attends to them");
  }

  @Test
  void twoDevicesHaveTwiceTheBound() {
    double one = SEVEN.outputTokensPerSecond(1024, 220, 0, 200, 1, H200);

    assertEquals(2 * one, SEVEN.outputTokensPerSecond(1024, 220, 0, 200, 2, H200), 1e-6 * one);
  }
}

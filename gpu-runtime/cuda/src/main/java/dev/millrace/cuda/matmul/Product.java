package dev.millrace.cuda.matmul;

/**
 * The form of a product y = x W^T of bf16 matrices with float32 sums. Everything but addresses:
 * what an algorithm is chosen by.
 *
 * @param rows rows of x and y
 * @param outputs columns of y
 * @param inputs columns of x, padding to a multiple of 8 included
 * @param inputMajor whether W is stored (inputs, outputs)
 * @param weightPitch elements from a stored row of W to the next
 * @param xPitch elements from a row of x to the next
 * @param yPitch elements from a row of y to the next
 * @param floatResult whether y is float32; bf16 otherwise
 * @param biased whether a bf16 bias is added to every row
 */
public record Product(
    int rows,
    int outputs,
    int inputs,
    boolean inputMajor,
    int weightPitch,
    int xPitch,
    int yPitch,
    boolean floatResult,
    boolean biased) {

  /** Sizes between which one way to multiply serves all row counts. */
  private static final int[] STEPS = {
    1, 8, 16, 32, 64, 96, 128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 2048,
    3072, 4096, 6144, 8192, 12288, 16384, 32768
  };

  /** The smallest step that holds so many rows. */
  public static int step(int rows) {
    for (int step : STEPS) {
      if (rows <= step) {
        return step;
      }
    }
    return Integer.MAX_VALUE;
  }

  /**
   * The most rows that share an algorithm with these. Where a row more costs a wave of thread
   * blocks, an algorithm takes half as long again; so every row count that steps are rounded up to
   * has its own.
   */
  int algorithmRows() {
    if (rows == 1) {
      return 1;
    }
    int multiple = 1024;
    if (rows <= 8192) {
      multiple = rows <= 32 ? 8 : rows <= 64 ? 16 : rows <= 512 ? 32 : 64;
    }
    return (rows + multiple - 1) / multiple * multiple;
  }

  /**
   * Other rows that the library is asked about too: it answers by other tables where they are not a
   * multiple of 8, and either answer may be the faster.
   */
  int neighbourRows() {
    if (rows <= 8) {
      return algorithmRows();
    }
    return rows % 8 == 0 ? rows - 3 : algorithmRows();
  }

  /** The same form with other rows. */
  Product withRows(int value) {
    return new Product(
        value, outputs, inputs, inputMajor, weightPitch, xPitch, yPitch, floatResult, biased);
  }

  /** Names the form with the most rows that share its algorithm, for those kept on disk. */
  String algorithmKey() {
    return "to m%d n%d k%d %s w%d x%d y%d %s%s"
        .formatted(
            algorithmRows(),
            outputs,
            inputs,
            inputMajor ? "nn" : "tn",
            weightPitch,
            xPitch,
            yPitch,
            floatResult ? "f32" : "bf16",
            biased ? " bias" : "");
  }
}

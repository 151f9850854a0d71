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

  /** Sizes between which one algorithm serves all row counts. */
  private static final int[] STEPS = {
    1, 8, 16, 32, 64, 96, 128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 2048,
    3072, 4096, 6144, 8192, 12288, 16384, 32768
  };

  /** The smallest step that holds the rows. */
  int step() {
    return step(rows);
  }

  /** The smallest step that holds so many rows. */
  public static int step(int rows) {
    for (int step : STEPS) {
      if (rows <= step) {
        return step;
      }
    }
    return Integer.MAX_VALUE;
  }

  /** The same form with other rows. */
  Product withRows(int value) {
    return new Product(
        value, outputs, inputs, inputMajor, weightPitch, xPitch, yPitch, floatResult, biased);
  }

  /** Names the form with its step of rows, for algorithms kept on disk. */
  String algorithmKey() {
    return "m%d n%d k%d %s w%d x%d y%d %s%s"
        .formatted(
            step(),
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

package dev.millrace.engine.compute;

/** The arithmetic of the verbs in float64, written down without a backend. */
final class DoubleMath {
  private DoubleMath() {}

  static float[] flat(double[][] x, int width) {
    float[] values = new float[x.length * width];
    for (int row = 0; row < x.length; row++) {
      for (int i = 0; i < width; i++) {
        values[row * width + i] = (float) x[row][i];
      }
    }
    return values;
  }

  static double[][] add(double[][] x, double[][] y) {
    double[][] sum = new double[x.length][];
    for (int row = 0; row < x.length; row++) {
      sum[row] = addToRows(new double[][] {x[row]}, y[row])[0];
    }
    return sum;
  }

  static double[][] addToRows(double[][] x, double[] y) {
    double[][] sum = new double[x.length][y.length];
    for (int row = 0; row < x.length; row++) {
      for (int i = 0; i < y.length; i++) {
        sum[row][i] = x[row][i] + y[i];
      }
    }
    return sum;
  }

  static double[][] matmul(double[][] x, double[][] weight) {
    double[][] y = new double[x.length][weight.length];
    for (int row = 0; row < x.length; row++) {
      for (int o = 0; o < weight.length; o++) {
        for (int i = 0; i < weight[o].length; i++) {
          y[row][o] += x[row][i] * weight[o][i];
        }
      }
    }
    return y;
  }

  static double[][] rmsNorm(double[][] x, double[] weight, float epsilon) {
    double[][] y = new double[x.length][weight.length];
    for (int row = 0; row < x.length; row++) {
      double squares = 0;
      for (double value : x[row]) {
        squares += value * value;
      }
      for (int i = 0; i < weight.length; i++) {
        y[row][i] = x[row][i] / Math.sqrt(squares / weight.length + epsilon) * weight[i];
      }
    }
    return y;
  }

  static double[][] gate(double[][] gateUp) {
    double[][] y = new double[gateUp.length][];
    for (int row = 0; row < gateUp.length; row++) {
      y[row] = new double[gateUp[row].length / 2];
      for (int i = 0; i < y[row].length; i++) {
        double gate = gateUp[row][i / 64 * 128 + i % 64];
        double up = gateUp[row][i / 64 * 128 + 64 + i % 64];
        y[row][i] = gate / (1 + Math.exp(-gate)) * up;
      }
    }
    return y;
  }
}

package dev.millrace.engine.compute;

/** The arithmetic of the verbs on heads in float64, written down without a backend. */
final class AttentionMath {
  private AttentionMath() {}

  /** Cosines and sines as a model would have them. */
  static float[] rotaryTable(int positions, int width) {
    float[] table = new float[positions * width];
    for (int position = 0; position < positions; position++) {
      for (int i = 0; i < width / 2; i++) {
        double angle = position * Math.pow(10000, -2.0 * i / width);
        table[position * width + i] = (float) Math.cos(angle);
        table[position * width + width / 2 + i] = (float) Math.sin(angle);
      }
    }
    return table;
  }

  static double[][] rotate(
      double[][] x, HeadLayout heads, int[] positions, float[] table, int width) {
    double[][] y = new double[x.length][];
    for (int row = 0; row < x.length; row++) {
      y[row] = x[row].clone();
      for (int start = 0; start < heads.qkvWidth(); start += heads.headSize()) {
        if (isValue(start, heads)) {
          continue;
        }
        for (int i = 0; i < width / 2; i++) {
          double cos = table[positions[row] * width + i];
          double sin = table[positions[row] * width + width / 2 + i];
          double a = x[row][start + i];
          double b = x[row][start + width / 2 + i];
          y[row][start + i] = a * cos - b * sin;
          y[row][start + width / 2 + i] = b * cos + a * sin;
        }
      }
    }
    return y;
  }

  static double[][] normalizeHeads(
      double[][] x, HeadLayout heads, double[] query, double[] key, float epsilon) {
    double[][] y = new double[x.length][];
    int size = heads.headSize();
    for (int row = 0; row < x.length; row++) {
      y[row] = x[row].clone();
      for (int start = 0; start < heads.qkvWidth(); start += size) {
        if (isValue(start, heads)) {
          continue;
        }
        double[][] head = {java.util.Arrays.copyOfRange(x[row], start, start + size)};
        double[] normed = DoubleMath.rmsNorm(head, isKey(start, heads) ? key : query, epsilon)[0];
        System.arraycopy(normed, 0, y[row], start, size);
      }
    }
    return y;
  }

  private static int indexInGroup(int start, HeadLayout heads) {
    return start / heads.headSize() % (heads.groupSize() + 2);
  }

  private static boolean isKey(int start, HeadLayout heads) {
    return indexInGroup(start, heads) == heads.groupSize();
  }

  private static boolean isValue(int start, HeadLayout heads) {
    return indexInGroup(start, heads) == heads.groupSize() + 1;
  }

  /** Attention of the row at a position over the rows up to it. */
  static double[] attend(double[][] rows, int position, HeadLayout heads) {
    int size = heads.headSize();
    double[] y = new double[heads.kvHeads() * heads.groupSize() * size];
    for (int kvHead = 0; kvHead < heads.kvHeads(); kvHead++) {
      int group = kvHead * (heads.groupSize() + 2) * size;
      int key = group + heads.groupSize() * size;
      for (int q = 0; q < heads.groupSize(); q++) {
        double[] weights = new double[position + 1];
        double total = 0;
        for (int p = 0; p <= position; p++) {
          double score = 0;
          for (int i = 0; i < size; i++) {
            score += rows[position][group + q * size + i] * rows[p][key + i];
          }
          weights[p] = Math.exp(score / Math.sqrt(size));
          total += weights[p];
        }
        for (int p = 0; p <= position; p++) {
          for (int i = 0; i < size; i++) {
            y[(kvHead * heads.groupSize() + q) * size + i] +=
                weights[p] / total * rows[p][key + size + i];
          }
        }
      }
    }
    return y;
  }
}

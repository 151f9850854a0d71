package dev.millrace.engine.model;

import java.util.Map;

/**
 * A tiny model in float64, from its matrices as a checkpoint has them: whole sequences, no cache,
 * no ranks, no fusing. What the engine's decoder is held against.
 */
final class DoubleDecoder {
  private final TinyModel model;
  private final Map<String, TinyMatrix> matrices;

  DoubleDecoder(TinyModel model) {
    this.model = model;
    this.matrices = model.matrices();
  }

  /** Log-probabilities of the next token after every token. // (tokens, vocabulary) */
  double[][] logprobs(int[] tokens) {
    double[][] x = new double[tokens.length][];
    for (int t = 0; t < tokens.length; t++) {
      x[t] = matrices.get("embedding").values()[tokens[t]].clone();
    }
    for (int layer = 0; layer < model.layers; layer++) {
      String name = "layers." + layer + ".";
      add(x, attention(name, norm(x, name + "attention_norm")));
      add(x, feedForward(name, norm(x, name + "feed_forward_norm")));
    }
    double[][] logits = multiply(norm(x, "final_norm"), model.tied ? "embedding" : "head");
    for (double[] row : logits) {
      double sum = 0;
      for (double logit : row) {
        sum += Math.exp(logit);
      }
      for (int i = 0; i < row.length; i++) {
        row[i] -= Math.log(sum);
      }
    }
    return logits;
  }

  private double[][] attention(String layer, double[][] x) {
    double[][] query = heads(layer, "query", x, model.queryHeads);
    double[][] key = heads(layer, "key", x, model.kvHeads);
    double[][] value = multiplyAddBias(x, layer + "value");
    int size = model.headSize;
    double[][] y = new double[x.length][model.queryHeads * size];
    for (int t = 0; t < x.length; t++) {
      for (int head = 0; head < model.queryHeads; head++) {
        int kv = head / (model.queryHeads / model.kvHeads) * size;
        double total = 0;
        for (int p = 0; p <= t; p++) {
          double score = 0;
          for (int i = 0; i < size; i++) {
            score += query[t][head * size + i] * key[p][kv + i];
          }
          double weight = Math.exp(score / Math.sqrt(size));
          total += weight;
          for (int i = 0; i < size; i++) {
            y[t][head * size + i] += weight * value[p][kv + i];
          }
        }
        for (int i = 0; i < size; i++) {
          y[t][head * size + i] /= total;
        }
      }
    }
    return multiplyAddBias(y, layer + "output");
  }

  /** Queries or keys: projected, normed per head where the model does, rotated. */
  private double[][] heads(String layer, String what, double[][] x, int heads) {
    double[][] y = multiplyAddBias(x, layer + what);
    int size = model.headSize;
    for (int t = 0; t < y.length; t++) {
      for (int head = 0; head < heads; head++) {
        double[] one = java.util.Arrays.copyOfRange(y[t], head * size, (head + 1) * size);
        if (model.queryKeyNorm) {
          one = norm(new double[][] {one}, layer + what + "_norm")[0];
        }
        for (int i = 0; i < size / 2; i++) {
          double angle = t * (double) model.inverseFrequencies()[i];
          double cos = Math.cos(angle) * model.attentionFactor;
          double sin = Math.sin(angle) * model.attentionFactor;
          y[t][head * size + i] = one[i] * cos - one[i + size / 2] * sin;
          y[t][head * size + i + size / 2] = one[i + size / 2] * cos + one[i] * sin;
        }
      }
    }
    return y;
  }

  private double[][] feedForward(String layer, double[][] x) {
    double[][] gate = multiply(x, layer + "gate");
    double[][] up = multiply(x, layer + "up");
    for (int t = 0; t < x.length; t++) {
      for (int i = 0; i < model.feedForward; i++) {
        gate[t][i] = gate[t][i] / (1 + Math.exp(-gate[t][i])) * up[t][i];
      }
    }
    return multiply(gate, layer + "down");
  }

  private double[][] norm(double[][] x, String name) {
    double[][] y = new double[x.length][x[0].length];
    for (int t = 0; t < x.length; t++) {
      double squares = 0;
      for (double value : x[t]) {
        squares += value * value;
      }
      for (int i = 0; i < y[t].length; i++) {
        y[t][i] =
            x[t][i] / Math.sqrt(squares / y[t].length + 1e-5) * matrices.get(name).values()[i][0];
      }
    }
    return y;
  }

  private double[][] multiplyAddBias(double[][] x, String name) {
    double[][] y = multiply(x, name);
    TinyMatrix bias = matrices.get(name + "_bias");
    if (bias != null) {
      for (double[] row : y) {
        for (int i = 0; i < row.length; i++) {
          row[i] += bias.values()[i][0];
        }
      }
    }
    return y;
  }

  private double[][] multiply(double[][] x, String name) {
    double[][] weight = matrices.get(name).values();
    double[][] y = new double[x.length][weight.length];
    for (int t = 0; t < x.length; t++) {
      for (int o = 0; o < weight.length; o++) {
        for (int i = 0; i < x[t].length; i++) {
          y[t][o] += x[t][i] * weight[o][i];
        }
      }
    }
    return y;
  }

  private static void add(double[][] x, double[][] y) {
    for (int t = 0; t < x.length; t++) {
      for (int i = 0; i < x[t].length; i++) {
        x[t][i] += y[t][i];
      }
    }
  }
}

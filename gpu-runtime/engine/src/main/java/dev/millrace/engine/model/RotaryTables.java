package dev.millrace.engine.model;

import dev.millrace.api.workspace.LayerRecord;
import dev.millrace.api.workspace.RotaryRecord;
import java.util.ArrayList;
import java.util.List;

/** Cosines and sines of every position, for each distinct rotation of a model's layers. */
final class RotaryTables {
  private RotaryTables() {}

  /** The rotations of the layers, each once, in the order they are first met. */
  static List<RotaryRecord> distinct(List<LayerRecord> layers) {
    List<RotaryRecord> distinct = new ArrayList<>();
    for (LayerRecord layer : layers) {
      if (indexOf(distinct, layer.attention().rotary()) < 0) {
        distinct.add(layer.attention().rotary());
      }
    }
    return distinct;
  }

  /** Index of a rotation among the distinct ones; -1 if it is not there. */
  static int indexOf(List<RotaryRecord> distinct, RotaryRecord rotary) {
    for (int i = 0; i < distinct.size(); i++) {
      if (distinct.get(i).inverseFrequencies().equals(rotary.inverseFrequencies())
          && distinct.get(i).attentionFactor() == rotary.attentionFactor()) {
        return i;
      }
    }
    return -1;
  }

  /**
   * The table of a rotation. Angles are rounded to float32 before their cosine is taken, as
   * transformers' rotary embedding does.
   *
   * @return // (positions, 2 pairs): the cosines of a position, then its sines
   */
  static float[] values(RotaryRecord rotary, int positions) {
    float[] frequencies = rotary.inverseFrequencyArray();
    int pairs = frequencies.length;
    float[] table = new float[Math.multiplyExact(positions, 2 * pairs)];
    for (int position = 0; position < positions; position++) {
      int row = position * 2 * pairs;
      for (int i = 0; i < pairs; i++) {
        float angle = position * frequencies[i];
        table[row + i] = (float) Math.cos(angle) * rotary.attentionFactor();
        table[row + pairs + i] = (float) Math.sin(angle) * rotary.attentionFactor();
      }
    }
    return table;
  }
}

package dev.millrace.api.workspace;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * Rotary position embedding in its final form: an engine needs {@code inverseFrequencies} and
 * {@code attentionFactor} alone. Element {@code i} of a head is rotated with element {@code i +
 * headSize / 2} by the angle {@code position * inverseFrequencies[i]}; cosines and sines are
 * multiplied by {@code attentionFactor}.
 *
 * @param theta base of the frequencies, for the reader's eyes
 * @param scaling kind of scaling they went through: {@code default}, {@code linear}, {@code
 *     llama3}, {@code yarn}
 * @param parameters of the scaling, as in the checkpoint's configuration
 * @param inverseFrequencies radians per position, float32, scaling applied
 * @param attentionFactor multiplies cosines and sines; 1 for most
 */
public record RotaryRecord(
    double theta,
    String scaling,
    Map<String, Double> parameters,
    List<Float> inverseFrequencies,
    float attentionFactor) {
  public RotaryRecord {
    Objects.requireNonNull(scaling, "scaling");
    parameters = java.util.Collections.unmodifiableMap(new TreeMap<>(parameters));
    inverseFrequencies = List.copyOf(inverseFrequencies);
    if (!(theta > 0)) {
      throw new IllegalArgumentException("theta: expected above 0, found " + theta);
    }
    if (!(attentionFactor > 0)) {
      throw new IllegalArgumentException(
          "attentionFactor: expected above 0, found " + attentionFactor);
    }
    for (float frequency : inverseFrequencies) {
      if (!(frequency >= 0 && frequency < Float.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(
            "inverseFrequencies: expected numbers of 0 or more, found " + frequency);
      }
    }
  }

  /** A copy of the inverse frequencies as an array. */
  @JsonIgnore
  public float[] inverseFrequencyArray() {
    float[] array = new float[inverseFrequencies.size()];
    for (int i = 0; i < array.length; i++) {
      array[i] = inverseFrequencies.get(i);
    }
    return array;
  }
}

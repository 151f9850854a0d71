package dev.millrace.converter.read;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.api.workspace.RotaryRecord;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Reads rotary settings in either spelling, {@code rope_theta} with {@code rope_scaling} or {@code
 * rope_parameters}, and computes the inverse frequencies in float32, operation by operation as
 * huggingface/transformers does in {@code modeling_rope_utils.py}.
 */
final class RotaryConfig {
  private static final double THETA_DEFAULT = 10000;

  private final JsonFile config;
  private final JsonFile settings;
  private final int positionsMax;
  private final String kind;
  private final double theta;

  RotaryConfig(JsonFile config, int positionsMax) throws CheckpointException {
    this.config = config;
    this.positionsMax = positionsMax;
    JsonFile parameters = config.child("rope_parameters");
    this.settings = parameters != null ? parameters : config.child("rope_scaling");
    double outer = config.findNumber("rope_theta", THETA_DEFAULT);
    this.theta = settings == null ? outer : settings.findNumber("rope_theta", outer);
    this.kind =
        settings == null
            ? "default"
            : settings.findText("type", settings.findText("rope_type", "default"));
    if (!(theta > 1 && theta <= Float.MAX_VALUE)) {
      throw refused("rope_theta", "a finite number above 1", "" + theta);
    }
  }

  /** Positions that the scaled frequencies reach. */
  int contextTokensMax() throws CheckpointException {
    double reach =
        switch (kind) {
          case "linear" -> positionsMax * factor();
          case "yarn" -> Math.max(positionsMax, originalPositions() * factor());
          default -> positionsMax;
        };
    return (int) Math.min(reach, 1 << 30);
  }

  RotaryRecord read(int headSize) throws CheckpointException {
    float[] frequencies = new float[headSize / 2];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = 1f / base(i, headSize);
    }
    float attentionFactor = 1;
    switch (kind) {
      // mrope turns parts of a head by time, height and width: in text all three are the position
      case "default", "mrope" -> {}
      case "linear" -> scaleLinear(frequencies);
      case "llama3" -> scaleLlama3(frequencies);
      case "yarn" -> {
        scaleYarn(frequencies, headSize);
        attentionFactor = yarnAttentionFactor();
      }
      default -> throw refused("rope_type", "default, linear, llama3, yarn or mrope", kind);
    }
    List<Float> boxed = new ArrayList<>();
    for (float frequency : frequencies) {
      boxed.add(frequency);
    }
    return new RotaryRecord(theta, kind, parameters(), boxed, attentionFactor);
  }

  /** {@code theta ^ (2 i / headSize)}, the exponent and the power rounded to float32. */
  private float base(int i, int headSize) {
    return (float) Math.pow((float) theta, 2f * i / headSize);
  }

  private void scaleLinear(float[] frequencies) throws CheckpointException {
    float factor = (float) factor();
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] /= factor;
    }
  }

  /** Llama 3.1: long waves are slowed by the factor, short ones kept, those between blended. */
  private void scaleLlama3(float[] frequencies) throws CheckpointException {
    double factor = factor();
    double low = require("low_freq_factor");
    double high = require("high_freq_factor");
    double original = requireAboveZero("original_max_position_embeddings");
    if (!(high > low && low > 0)) {
      throw refused("high_freq_factor", "above low_freq_factor (" + low + ")", "" + high);
    }
    float longWave = (float) (original / low);
    float shortWave = (float) (original / high);
    for (int i = 0; i < frequencies.length; i++) {
      float frequency = frequencies[i];
      // a number over a tensor is that tensor's reciprocal times the number: two roundings
      float wave = 1f / frequency * (float) (2 * Math.PI);
      float scaled = wave > longWave ? frequency / (float) factor : frequency;
      if (wave >= shortWave && wave <= longWave) {
        float smooth = (1f / wave * (float) original - (float) low) / (float) (high - low);
        scaled = (1 - smooth) * scaled / (float) factor + smooth * scaled;
      }
      frequencies[i] = scaled;
    }
  }

  /** YaRN, Peng et al. 2023, arXiv:2309.00071: a ramp from kept to interpolated frequencies. */
  private void scaleYarn(float[] frequencies, int headSize) throws CheckpointException {
    float factor = (float) factor();
    double fast = orDefault("beta_fast", 32);
    double slow = orDefault("beta_slow", 1);
    double low = correction(fast, headSize);
    double high = correction(slow, headSize);
    if (settings.findBoolean("truncate", true)) {
      low = Math.floor(low);
      high = Math.ceil(high);
    }
    low = Math.max(low, 0);
    high = Math.min(high, headSize - 1);
    if (low == high) {
      high += 0.001;
    }
    for (int i = 0; i < frequencies.length; i++) {
      float ramp = (i - (float) low) / (float) (high - low);
      float kept = 1 - Math.min(Math.max(ramp, 0), 1);
      float interpolated = 1f / (factor * base(i, headSize));
      frequencies[i] = interpolated * (1 - kept) + frequencies[i] * kept;
    }
  }

  private double correction(double rotations, int headSize) throws CheckpointException {
    return headSize
        * Math.log(originalPositions() / (rotations * 2 * Math.PI))
        / (2 * Math.log(theta));
  }

  private float yarnAttentionFactor() throws CheckpointException {
    Double given = settings.findNumber("attention_factor");
    if (given != null) {
      return (float) requireAboveZero("attention_factor");
    }
    double mscale = orDefault("mscale", 0);
    double mscaleAll = orDefault("mscale_all_dim", 0);
    if (mscale != 0 && mscaleAll != 0) {
      return (float) (magnitude(mscale) / magnitude(mscaleAll));
    }
    return (float) magnitude(1);
  }

  private double magnitude(double mscale) throws CheckpointException {
    return factor() <= 1 ? 1 : 0.1 * mscale * Math.log(factor()) + 1;
  }

  private double factor() throws CheckpointException {
    double factor = require("factor");
    if (!(factor >= 1 && factor <= Float.MAX_VALUE)) {
      throw refused("factor", "a finite number of at least 1", "" + factor);
    }
    return factor;
  }

  private double originalPositions() throws CheckpointException {
    return orDefault("original_max_position_embeddings", positionsMax);
  }

  /** Zero counts as absent, as in Python's {@code or}. */
  private double orDefault(String field, double fallback) throws CheckpointException {
    double value = settings.findNumber(field, 0);
    return value == 0 ? fallback : requireAboveZero(field);
  }

  private double requireAboveZero(String field) throws CheckpointException {
    double value = require(field);
    if (!(value > 0 && value <= Float.MAX_VALUE)) {
      throw refused(field, "a finite number above 0", "" + value);
    }
    return value;
  }

  private double require(String field) throws CheckpointException {
    Double value = settings.findNumber(field);
    if (value == null) {
      throw refused(field, "a number", "nothing");
    }
    return value;
  }

  private Map<String, Double> parameters() {
    Map<String, Double> parameters = new TreeMap<>();
    if (settings != null) {
      Iterator<Map.Entry<String, JsonNode>> fields = settings.object().fields();
      while (fields.hasNext()) {
        Map.Entry<String, JsonNode> field = fields.next();
        if (field.getValue().isNumber() && !field.getKey().equals("rope_theta")) {
          parameters.put(field.getKey(), field.getValue().doubleValue());
        }
      }
    }
    return parameters;
  }

  private CheckpointException refused(String field, String expected, String found) {
    return new CheckpointException(
        (settings == null ? config : settings).where(field),
        expected,
        found,
        "this model cannot be converted; see the list of supported models");
  }
}

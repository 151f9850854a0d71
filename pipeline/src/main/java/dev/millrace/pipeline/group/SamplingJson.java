package dev.millrace.pipeline.group;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.api.request.SamplingSettings;

/** Sampling settings as JSON text, the same text for equal settings. */
public final class SamplingJson {
  private static final ObjectMapper JSON = new ObjectMapper();

  private SamplingJson() {}

  /** The settings as JSON. */
  public static String write(SamplingSettings settings) {
    try {
      return JSON.writeValueAsString(settings);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("sampling settings hold plain values", e);
    }
  }

  /** The settings of a request of a chunk; {@code null} stands for those of the job. */
  public static SamplingSettings read(String json, SamplingSettings ofJob) {
    if (json == null) {
      return ofJob;
    }
    try {
      return JSON.readValue(json, SamplingSettings.class);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a staged chunk holds settings that cannot be read", e);
    }
  }
}

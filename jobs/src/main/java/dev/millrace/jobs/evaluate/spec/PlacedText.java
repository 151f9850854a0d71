package dev.millrace.jobs.evaluate.spec;

import java.util.Objects;

/**
 * A text of the spec that is compiled later (a template, a pattern, a rule), and its place for the
 * error if it cannot be.
 *
 * @param key its key
 * @param text as it stands
 * @param place where
 */
public record PlacedText(String key, String text, Place place) {
  public PlacedText {
    Objects.requireNonNull(key, "key");
    Objects.requireNonNull(text, "text");
    Objects.requireNonNull(place, "place");
  }
}

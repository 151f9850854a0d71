package dev.millrace.jobs.spec;

import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What a job was asked to do: one value per option, and where each came from. Later sources win:
 * defaults, then the job spec, then {@code --set}, then flags.
 */
public final class JobSpec {
  private static final String DEFAULT_ORIGIN = "default";

  private final Map<JobOption, Setting> settings;

  private JobSpec(Map<JobOption, Setting> settings) {
    this.settings = Collections.unmodifiableMap(new EnumMap<>(settings));
  }

  /** Every option at its default. */
  public static JobSpec defaults() {
    Map<JobOption, Setting> settings = new EnumMap<>(JobOption.class);
    for (JobOption option : JobOption.values()) {
      if (option.defaultText() != null) {
        Object value = option.type().parse(List.of(option.defaultText()), option.choices());
        settings.put(option, new Setting(value, DEFAULT_ORIGIN));
      }
    }
    return new JobSpec(settings);
  }

  /** This spec with some options set anew. */
  public JobSpec with(List<Assignment> assignments) {
    Map<JobOption, Setting> copy = new EnumMap<>(JobOption.class);
    copy.putAll(settings);
    for (Assignment assignment : assignments) {
      copy.put(assignment.option(), new Setting(assignment.value(), assignment.origin()));
    }
    return new JobSpec(copy);
  }

  /** Whether the option has a value, its default included. */
  public boolean has(JobOption option) {
    return settings.containsKey(option);
  }

  /** Whether someone set the option, be it to its default. */
  public boolean isGiven(JobOption option) {
    return has(option) && !settings.get(option).origin().equals(DEFAULT_ORIGIN);
  }

  /** Whether the option has another value than its default. */
  public boolean isChanged(JobOption option) {
    return !Objects.equals(value(option), defaults().value(option));
  }

  /** Where the value came from, for messages: a flag, {@code --set}, a line of a file. */
  public String origin(JobOption option) {
    return has(option) ? settings.get(option).origin() : "not set";
  }

  /** The value, or null if the option is not set. */
  public Object value(JobOption option) {
    return has(option) ? settings.get(option).value() : null;
  }

  /** A text or path, or null. */
  public String text(JobOption option) {
    return (String) value(option);
  }

  /** Texts or paths; empty if not set. */
  @SuppressWarnings("unchecked")
  public List<String> texts(JobOption option) {
    return has(option) ? (List<String>) value(option) : List.of();
  }

  /** Whole numbers; empty if not set. */
  @SuppressWarnings("unchecked")
  public List<Integer> integers(JobOption option) {
    return has(option) ? (List<Integer>) value(option) : List.of();
  }

  /** Token biases; empty if not set. */
  @SuppressWarnings("unchecked")
  public Map<Integer, Double> biases(JobOption option) {
    return has(option) ? (Map<Integer, Double>) value(option) : Map.of();
  }

  /** Names and values; empty if not set. */
  @SuppressWarnings("unchecked")
  public Map<String, String> pairs(JobOption option) {
    return has(option) ? (Map<String, String>) value(option) : Map.of();
  }

  public boolean flag(JobOption option) {
    return Boolean.TRUE.equals(value(option));
  }

  public double decimal(JobOption option) {
    return (Double) Objects.requireNonNull(value(option), option.key());
  }

  /** A whole number, or the given one if the option is not set. */
  public long integer(JobOption option, long ifUnset) {
    return has(option) ? (Long) value(option) : ifUnset;
  }

  /**
   * A whole number that fits an int, or the given one if the option is not set.
   *
   * @throws IllegalArgumentException if it does not fit
   */
  public int smallInteger(JobOption option, int ifUnset) {
    long value = integer(option, ifUnset);
    if (value != (int) value) {
      throw new IllegalArgumentException(
          option.key() + ": expected a whole number below 2147483648, found " + value);
    }
    return (int) value;
  }

  /**
   * One option given a value.
   *
   * @param option which
   * @param value of the option's type
   * @param origin where it came from
   */
  public record Assignment(JobOption option, Object value, String origin) {
    public Assignment {
      Objects.requireNonNull(option, "option");
      Objects.requireNonNull(value, "value");
      Objects.requireNonNull(origin, "origin");
    }

    /**
     * Parses texts into a value of the option.
     *
     * @throws IllegalArgumentException naming the option, what was expected and what was found
     */
    public static Assignment parse(JobOption option, List<String> texts, String origin) {
      try {
        return new Assignment(option, option.type().parse(texts, option.choices()), origin);
      } catch (IllegalArgumentException e) {
        String example =
            option.type() == OptionType.PAIRS ? "; for example " + option.example() : "";
        throw new IllegalArgumentException(option.key() + ": " + e.getMessage() + example, e);
      }
    }
  }

  private record Setting(Object value, String origin) {}
}

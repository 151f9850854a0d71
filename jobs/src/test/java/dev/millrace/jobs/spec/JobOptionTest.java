package dev.millrace.jobs.spec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class JobOptionTest {

  @Test
  void noFlagAndNoKeyStandsTwice() {
    Set<String> seen = new HashSet<>();
    for (JobOption option : JobOption.values()) {
      assertTrue(seen.add(option.key()), option.key());
      option.flags().forEach(flag -> assertTrue(seen.add(flag), flag));
    }
  }

  @ParameterizedTest
  @EnumSource(JobOption.class)
  void keyIsTheFlagInTheWordsOfASpec(JobOption option) {
    String word = option.key().substring(option.key().lastIndexOf('.') + 1).replace('_', '-');
    boolean plural = option == JobOption.OVERRIDES || option == JobOption.TEMPLATE_VARIABLES;

    assertEquals("--" + word, option.flag() + (plural ? "s" : ""));
  }

  @ParameterizedTest
  @EnumSource(JobOption.class)
  void defaultAndExampleAreOfTheTypeAndDiffer(JobOption option) {
    Object example = option.type().parse(List.of(option.example()), option.choices());

    if (option.defaultText() != null && option != JobOption.RUNNER) {
      assertNotEquals(
          option.type().parse(List.of(option.defaultText()), option.choices()), example);
    }
    assertFalse(option.description().isBlank());
  }
}

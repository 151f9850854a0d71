package dev.millrace.jobs.run;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TemplateValueTest {

  @Test
  void truthAndNumbersAreWhatTheySay() {
    assertEquals(false, TemplateValue.of("false"));
    assertEquals(true, TemplateValue.of("true"));
    assertEquals(false, TemplateValue.of("False"));
    assertEquals(true, TemplateValue.of("TRUE"));
    assertEquals(-12L, TemplateValue.of("-12"));
    assertEquals(0.5, TemplateValue.of("0.5"));
    assertEquals(1e20, TemplateValue.of("100000000000000000000"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"yes", "007", "26 Jul 2024", "\"false\"", "null", "1.", "", "[1]"})
  void allElseIsText(String text) {
    assertEquals(text, TemplateValue.of(text));
  }
}

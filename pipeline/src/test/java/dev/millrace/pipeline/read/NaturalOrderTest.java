package dev.millrace.pipeline.read;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

final class NaturalOrderTest {
  @Test
  void numbersCountAsNumbersAndNoTwoNamesAreEqual() {
    List<String> ordered =
        List.of("a", "a01", "a1", "a2", "a10", "a10b", "b/2/x", "b/10/x", "part-99", "part-100");
    List<String> names = new ArrayList<>(ordered);
    Collections.reverse(names);

    names.sort(new NaturalOrder());

    assertEquals(ordered, names);
  }
}

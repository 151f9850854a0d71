package dev.millrace.cuda.matmul;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ProductTest {
  private static Product product(int rows) {
    return new Product(rows, 3584, 18944, true, 3584, 18944, 3584, false, false);
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1",
    "2, 8",
    "8, 8",
    "9, 16",
    "17, 24",
    "33, 48",
    "64, 64",
    "65, 96",
    "512, 512",
    "513, 576",
    "1024, 1024",
    "1025, 1088",
    "2035, 2048",
    "8192, 8192",
    "8193, 9216"
  })
  void algorithmServesUpToTheNextSizeOfSteps(int rows, int most) {
    assertEquals(most, product(rows).algorithmRows());
  }

  @Test
  void everySizeThatStepsAreRoundedUpToHasItsOwnAlgorithm() {
    Set<String> keys = new HashSet<>();
    for (int rows = 64; rows <= 8192; rows += 64) {
      assertTrue(keys.add(product(rows).algorithmKey()), "rows " + rows);
    }
    for (int rows : new int[] {8, 16, 24, 32, 48, 96, 160, 224, 288, 352, 416, 480}) {
      assertTrue(keys.add(product(rows).algorithmKey()), "rows " + rows);
    }
  }

  @Test
  void neighbourIsAMultipleOfEightExactlyWhereTheRowsAreNot() {
    for (int rows = 9; rows <= 9000; rows++) {
      int neighbour = product(rows).neighbourRows();
      assertNotEquals(rows % 8 == 0, neighbour % 8 == 0, "rows " + rows);
    }
    assertEquals(1, product(1).neighbourRows());
    assertEquals(8, product(3).neighbourRows());
  }
}

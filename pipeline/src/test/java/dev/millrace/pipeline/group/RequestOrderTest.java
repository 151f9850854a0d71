package dev.millrace.pipeline.group;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RequestOrderTest {
  @TempDir private Path folder;

  /** A request of {@code shared} tokens that all have, then tokens of its own. */
  private static StagedRecord request(String id, int output, int... tokens) {
    byte[] hash = Arrays.copyOf(id.getBytes(java.nio.charset.StandardCharsets.US_ASCII), 16);
    return StagedRecord.of(tokens, hash, id.charAt(0), output, 1, id, null, null);
  }

  private static int[] tokens(int[]... runs) {
    List<Integer> tokens = new ArrayList<>();
    for (int[] run : runs) { // token, times
      for (int i = 0; i < run[1]; i++) {
        tokens.add(run[0]);
      }
    }
    return tokens.stream().mapToInt(Integer::intValue).toArray();
  }

  private List<String> ordered(StagedRecord... requests) throws IOException {
    List<StagedRecord> sorted = new ArrayList<>(List.of(requests));
    sorted.sort((a, b) -> Arrays.compareUnsigned(a.bytes(), b.bytes()));
    List<String> ids = new ArrayList<>();
    try (RequestOrder order = new RequestOrder(folder, 1 << 20)) {
      for (StagedRecord request : sorted) {
        order.add(request);
      }
      try (RequestOrder.Ordered ordered = order.order()) {
        for (StagedRecord r = ordered.next(); r != null; r = ordered.next()) {
          ids.add(r.id());
        }
      }
    }
    return ids;
  }

  @Test
  void requestsThatShareNothingGoLongestFirst() throws IOException {
    assertEquals(
        List.of("c", "a", "b"),
        ordered(
            request("a", 10, tokens(new int[] {1, 5})),
            request("b", 1, tokens(new int[] {2, 5})),
            request("c", 50, tokens(new int[] {3, 5}))));
  }

  @Test
  void requestsThatShareABlockStayTogetherAndAPrefixOfAllIsNoGroup() throws IOException {
    int[] all = {9, 100};
    assertEquals(
        List.of("e", "b", "d", "a", "c"),
        ordered(
            request("a", 1, tokens(all, new int[] {1, 1})),
            request("b", 40, tokens(all, new int[] {2, 70}, new int[] {1, 1})),
            request("c", 1, tokens(all, new int[] {3, 1})),
            request("d", 2, tokens(all, new int[] {2, 70}, new int[] {2, 1})),
            request("e", 500, tokens(all, new int[] {4, 1}))));
  }

  @Test
  void aGroupGoesByItsSubgroups() throws IOException {
    int[] shared = {7, 128};
    assertEquals(
        List.of("c", "d", "a", "b", "x"),
        ordered(
            request("a", 1, tokens(shared, new int[] {1, 64}, new int[] {1, 1})),
            request("b", 1, tokens(shared, new int[] {1, 64}, new int[] {2, 1})),
            request("c", 300, tokens(shared, new int[] {2, 64}, new int[] {1, 1})),
            request("d", 1, tokens(shared, new int[] {2, 64}, new int[] {2, 1})),
            request("x", 5, tokens(new int[] {8, 3}))));
  }
}

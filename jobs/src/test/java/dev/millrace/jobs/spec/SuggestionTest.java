package dev.millrace.jobs.spec;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class SuggestionTest {
  private static final List<String> KNOWN = List.of("max_tokens", "min_tokens", "top_p", "tp");

  @Test
  void aSlipOfTheFingerIsAnsweredWithTheWordMeant() {
    assertEquals(Optional.of("max_tokens"), Suggestion.nearest("max-tokns", KNOWN));
    assertEquals(Optional.of("top_p"), Suggestion.nearest("TopP", KNOWN));
  }

  @Test
  void aWordThatIsNothingLikeAnyIsAnsweredWithNone() {
    assertEquals(Optional.empty(), Suggestion.nearest("banana_split", KNOWN));
    assertEquals(Optional.empty(), Suggestion.nearest("x", List.of()));
  }
}

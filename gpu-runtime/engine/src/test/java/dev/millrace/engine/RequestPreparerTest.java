package dev.millrace.engine;

import static dev.millrace.engine.ScriptedText.token;
import static dev.millrace.engine.ScriptedText.tokens;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.millrace.api.request.RequestException;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.engine.schedule.ScriptedExecutor;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

final class RequestPreparerTest {
  private static List<List<Integer>> badWords(int vocabularySize, String word)
      throws RequestException {
    EngineModel model = new EngineModel(new ScriptedText(64), vocabularySize, List.of(), 64);
    SamplingSettings settings = SamplingSettings.builder().badWords(List.of(word)).build();
    int[][] words = new RequestPreparer(model).badWords(settings);
    return Arrays.stream(words).map(w -> Arrays.stream(w).boxed().toList()).toList();
  }

  @Test
  void badWordsBanSpecialTokensThatTheyNameAsTokensAndAsText() throws RequestException {
    int end = ScriptedExecutor.END;
    int space = token(' ');
    int[] spelled = tokens(ScriptedText.END_TEXT);

    assertEquals(
        List.of(
            List.of(spelled[0], spelled[1], spelled[2]),
            List.of(end),
            List.of(space, spelled[0], spelled[1], spelled[2]),
            List.of(space, end)),
        badWords(ScriptedText.VOCABULARY, ScriptedText.END_TEXT));
  }

  /** One past the logits would be banned past their end. */
  @Test
  void badWordsThatTheHeadHasNoLogitsForAreLeftOut() throws RequestException {
    assertEquals(List.of(List.of(token('a'))), badWords(token('b'), "a"));
    assertEquals(List.of(), badWords(token('b'), "b"));
  }
}

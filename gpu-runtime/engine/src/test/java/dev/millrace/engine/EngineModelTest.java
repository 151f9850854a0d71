package dev.millrace.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

final class EngineModelTest {
  /** Banned until a choice is long enough, one past the logits would be written past their end. */
  @Test
  void endsThatTheHeadHasNoLogitsForAreLeftOut() {
    EngineModel model = new EngineModel(new ScriptedText(64), 100, List.of(2, 100, 151_645), 64);

    assertEquals(List.of(2), model.endTokenIds());
  }
}

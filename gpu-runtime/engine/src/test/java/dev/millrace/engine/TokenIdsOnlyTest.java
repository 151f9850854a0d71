package dev.millrace.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.RequestException;
import org.junit.jupiter.api.Test;

class TokenIdsOnlyTest {
  private final EngineText text = new TokenIdsOnly(64);

  @Test
  void tokenIdsGoThrough() throws RequestException {
    int[] ids = {3, 1, 2};

    assertArrayEquals(ids, text.encode(new Prompt.Tokens(ids)));
    assertArrayEquals(ids, text.encodeContinuation(new Prompt.Tokens(ids)));
    assertEquals("", text.decode(ids, true));
    assertEquals("", text.decoder(true).append(3));
    assertEquals("", text.decoder(true).finish());
    assertEquals(64, text.contextTokensMax());
  }

  @Test
  void textIsRefusedWithWhatToDo() {
    RequestException refused =
        assertThrows(RequestException.class, () -> text.encode(new Prompt.Text("hello")));

    assertEquals(FailureReason.PROMPT_INVALID, refused.failure().reason());
    assertTrue(refused.getMessage().contains("no tokenizer"), refused.getMessage());
    assertThrows(RequestException.class, () -> text.encodePlain("hello", false));
  }
}

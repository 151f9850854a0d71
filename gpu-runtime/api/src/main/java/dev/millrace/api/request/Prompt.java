package dev.millrace.api.request;

import java.util.List;
import java.util.Objects;

/** What the model is to continue: plain text, a conversation, or token ids. */
public sealed interface Prompt permits Prompt.Text, Prompt.Chat, Prompt.Tokens {

  /** Text that is tokenised as it stands, without a chat template. */
  record Text(String text) implements Prompt {
    public Text {
      Objects.requireNonNull(text, "text");
    }
  }

  /** A conversation that is rendered through the model's chat template. */
  record Chat(List<ChatMessage> messages) implements Prompt {
    public Chat {
      messages = List.copyOf(messages);
    }
  }

  /**
   * Token ids, used as they are. The array is not copied: do not write to it after handing it over.
   */
  @SuppressWarnings("ArrayRecordComponent")
  record Tokens(int[] tokenIds) implements Prompt {
    public Tokens {
      Objects.requireNonNull(tokenIds, "tokenIds");
    }
  }
}

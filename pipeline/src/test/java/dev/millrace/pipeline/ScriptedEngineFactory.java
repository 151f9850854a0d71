package dev.millrace.pipeline;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.PromptEncoder;
import dev.millrace.api.request.ChatMessage;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.RequestException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Opens engines whose answers are a pure function of the request: tests tell by them which request
 * an answer belongs to. Tokens are the bytes of the text. Engines of one name share counters, which
 * outlive serialisation.
 *
 * @param name the fingerprint, and the name of the counters
 * @param contextTokensMax of the model
 * @param requestNanos time that each request takes, one after the other
 * @param queue requests that the engine takes before it blocks
 * @param broken whether the engine fails on every request
 */
record ScriptedEngineFactory(
    String name, int contextTokensMax, long requestNanos, int queue, boolean broken)
    implements EngineFactory {
  private static final Map<String, Counts> COUNTS = new ConcurrentHashMap<>();

  /** What engines of one name did. */
  static final class Counts {
    final AtomicInteger opened = new AtomicInteger();
    final AtomicInteger closed = new AtomicInteger();
    final AtomicLong requests = new AtomicLong();
  }

  static ScriptedEngineFactory named(String name) {
    return new ScriptedEngineFactory(name, 4096, 0, 64, false);
  }

  ScriptedEngineFactory withRequestNanos(long value) {
    return new ScriptedEngineFactory(name, contextTokensMax, value, queue, broken);
  }

  ScriptedEngineFactory withContextTokensMax(int value) {
    return new ScriptedEngineFactory(name, value, requestNanos, queue, broken);
  }

  ScriptedEngineFactory withBroken(boolean value) {
    return new ScriptedEngineFactory(name, contextTokensMax, requestNanos, queue, value);
  }

  Counts counts() {
    return COUNTS.computeIfAbsent(name, n -> new Counts());
  }

  @Override
  public String fingerprint() {
    return name;
  }

  @Override
  public String modelFingerprint() {
    return name;
  }

  @Override
  public PromptEncoder openPromptEncoder() {
    return new ByteEncoder(contextTokensMax);
  }

  @Override
  public Engine openEngine() {
    counts().opened.incrementAndGet();
    return new ScriptedEngine(this);
  }

  private record ByteEncoder(int contextTokensMax) implements PromptEncoder {
    @Override
    public int[] encode(Prompt prompt) throws RequestException {
      if (prompt instanceof Prompt.Tokens tokens) {
        for (int token : tokens.tokenIds()) {
          if (token > 255) {
            throw new RequestException(FailureReason.PROMPT_INVALID, "unknown token " + token);
          }
        }
        return tokens.tokenIds();
      }
      StringBuilder text = new StringBuilder();
      if (prompt instanceof Prompt.Text plain) {
        text.append(plain.text());
      } else if (prompt instanceof Prompt.Chat chat) {
        for (ChatMessage message : chat.messages()) {
          text.append('<').append(message.role()).append('>').append(message.content());
        }
      }
      byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
      int[] tokens = new int[bytes.length];
      for (int i = 0; i < bytes.length; i++) {
        tokens[i] = bytes[i] & 0xff;
      }
      return tokens;
    }
  }
}

package dev.millrace.flink;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.PromptEncoder;
import dev.millrace.api.request.Prompt;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * Opens engines that repeat their prompt, and writes down which process did so.
 *
 * @param log a line for each opened engine: its process, and that process's parent
 * @param requestMicros time that each request takes, one after the other
 */
record EchoEngineFactory(String log, long requestMicros) implements EngineFactory {

  static EchoEngineFactory logging(Path log, long requestMicros) {
    return new EchoEngineFactory(log.toString(), requestMicros);
  }

  /** Processes that opened an engine, in order. */
  static List<Long> processes(Path log) throws IOException {
    return Files.exists(log)
        ? Files.readAllLines(log).stream()
            .map(line -> Long.parseLong(line.split(" ", 2)[0]))
            .toList()
        : List.of();
  }

  @Override
  public String fingerprint() {
    return "echo";
  }

  @Override
  public String modelFingerprint() {
    return "echo";
  }

  @Override
  public PromptEncoder openPromptEncoder() {
    return new PromptEncoder() {
      @Override
      public int[] encode(Prompt prompt) {
        return prompt instanceof Prompt.Chat chat
            ? bytes(chat.messages().get(0).content())
            : bytes(((Prompt.Text) prompt).text());
      }

      @Override
      public int contextTokensMax() {
        return 4096;
      }
    };
  }

  private static int[] bytes(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int[] tokens = new int[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      tokens[i] = bytes[i] & 0xff;
    }
    return tokens;
  }

  @Override
  public Engine openEngine() {
    ProcessHandle self = ProcessHandle.current();
    String line = self.pid() + " " + self.parent().map(ProcessHandle::pid).orElse(0L) + "\n";
    try {
      Files.writeString(Path.of(log), line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new EchoEngine(requestMicros);
  }
}

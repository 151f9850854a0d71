package dev.millrace.jobs.model;

import dev.millrace.converter.TextCheck;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Does not try anything yet, and says so. */
public final class TemplateTrial implements TextCheck {
  @Override
  public List<String> check(Path textFolder, int vocabularySize) throws IOException {
    return List.of("Tokenizer and chat template were not tried: this build cannot yet.");
  }
}

package dev.millrace.converter;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Tries a model's tokenizer and chat template before its weights are converted. The converter knows
 * neither; whoever composes the program supplies this.
 */
@FunctionalInterface
public interface TextCheck {
  /** Tries nothing. */
  TextCheck NONE = (folder, vocabularySize) -> List.of();

  /**
   * Loads the tokenizer and compiles and tries the template, where there are any.
   *
   * @param textFolder holds tokenizer.json and its companions, as far as the checkpoint has them
   * @param vocabularySize rows of the embedding
   * @return remarks for the user
   * @throws IOException to refuse the conversion, saying what to do
   */
  List<String> check(Path textFolder, int vocabularySize) throws IOException;
}

package dev.millrace.engine.text;

import java.io.IOException;

/** A tokenizer or template file that is broken or asks for something that is not supported. */
public final class MalformedTokenizerException extends IOException {
  public MalformedTokenizerException(String where, String message) {
    super(message + " (" + where + ")");
  }

  public MalformedTokenizerException(String where, String message, Throwable cause) {
    super(message + " (" + where + ")", cause);
  }
}

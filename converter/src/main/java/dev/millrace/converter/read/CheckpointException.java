package dev.millrace.converter.read;

import java.io.IOException;

/** A checkpoint that is damaged, or that describes a model which cannot be converted. */
public final class CheckpointException extends IOException {
  private final String where;

  /**
   * Says what is wrong.
   *
   * @param where the file, and the field or tensor in it
   * @param expected what should be there
   * @param found what is there
   * @param advice what to do
   */
  public CheckpointException(String where, String expected, String found, String advice) {
    this(where, expected, found, advice, null);
  }

  /** As above, with the error that was met. */
  public CheckpointException(
      String where, String expected, String found, String advice, Throwable cause) {
    super(where + ": expected " + expected + ", found " + found + "; " + advice, cause);
    this.where = where;
  }

  /** The file, and the field or tensor in it. */
  public String where() {
    return where;
  }
}

package dev.millrace.converter;

import java.io.IOException;

/** A conversion that cannot begin or end: the place for its result is taken, or too small. */
public final class ConversionException extends IOException {
  /**
   * Says what is wrong.
   *
   * @param where the folder
   * @param expected what should be there
   * @param found what is there
   * @param advice what to do
   */
  public ConversionException(String where, String expected, String found, String advice) {
    super(where + ": expected " + expected + ", found " + found + "; " + advice);
  }

  /** As above, with the error that was met. */
  public ConversionException(
      String where, String expected, String found, String advice, Throwable cause) {
    super(where + ": expected " + expected + ", found " + found + "; " + advice, cause);
  }
}

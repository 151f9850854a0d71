package dev.millrace.pipeline.read;

/** One input row. */
public interface Row {

  /**
   * The value of a column, as the package describes; null if the row has none.
   *
   * @throws InvalidRowException if the row cannot be parsed
   */
  Object value(String column) throws InvalidRowException;

  /** About how much memory the row takes, so that rows can be handed on in even portions. */
  long weightBytes();

  /** The row cannot be parsed; it becomes a failure row. */
  final class InvalidRowException extends Exception {
    public InvalidRowException(String message) {
      super(message);
    }
  }
}

package dev.millrace.jobs.evaluate.spec;

import dev.millrace.jobs.inert.InertText;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import org.snakeyaml.engine.v2.nodes.Node;

/**
 * Where something stands in a spec.
 *
 * @param file the file
 * @param line from 1
 * @param column from 1
 */
public record Place(String file, int line, int column) {
  /** What data says in a message is cut: a line of a megabyte is no help. */
  private static final int MESSAGE_MAX = 800;

  static Place of(Node node) {
    return node.getStartMark()
        .map(mark -> new Place(mark.getName(), mark.getLine() + 1, mark.getColumn() + 1))
        .orElse(new Place("spec", 0, 0));
  }

  /** A usage error that names this place. */
  public CommandException error(String message, String remedy) {
    return error(message, remedy, null);
  }

  /** A usage error that names this place. */
  public CommandException error(String message, String remedy, Throwable cause) {
    return new CommandException(
        ExitCode.USAGE,
        InertText.line(message, MESSAGE_MAX) + " (" + this + ")",
        InertText.line(remedy, MESSAGE_MAX),
        cause);
  }

  @Override
  public String toString() {
    return file + ", line " + line + ", column " + column;
  }
}

package dev.millrace.api.workspace;

import java.io.IOException;
import java.nio.file.Path;

/** A folder that is not a workspace this version can read, or one that is damaged. */
public final class MalformedWorkspaceException extends IOException {
  private final transient Path workspace;
  private final String where;

  /**
   * Says what is wrong.
   *
   * @param workspace the folder
   * @param where the file, field or tensor in it
   * @param expected what should be there
   * @param found what is there
   * @param advice what to do
   */
  public MalformedWorkspaceException(
      Path workspace, String where, String expected, String found, String advice) {
    this(workspace, where, expected, found, advice, null);
  }

  /** As above, with the error that was met. */
  public MalformedWorkspaceException(
      Path workspace, String where, String expected, String found, String advice, Throwable cause) {
    super(
        where
            + ": expected "
            + expected
            + ", found "
            + found
            + "; "
            + advice
            + " (workspace="
            + workspace
            + ")",
        cause);
    this.workspace = workspace;
    this.where = where;
  }

  public Path workspace() {
    return workspace;
  }

  /** The file, field or tensor that is wrong. */
  public String where() {
    return where;
  }
}

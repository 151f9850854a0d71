package dev.millrace.pipeline.read;

import dev.millrace.pipeline.job.InvalidInputException;
import dev.millrace.pipeline.job.JobException;
import java.io.Serializable;

/**
 * One input file as it was when the job was planned.
 *
 * @param name relative name, with forward slashes; names its rows and its output file
 * @param location path or URI
 * @param format what is in it
 * @param gzip whether its bytes are gzip
 * @param bytes its size then
 * @param modifiedMillis when it was last changed then, 0 where the file system does not say
 */
public record InputFile(
    String name, String location, InputFormat format, boolean gzip, long bytes, long modifiedMillis)
    implements Serializable {

  /** The same file, read as another format. */
  public InputFile withFormat(InputFormat value) {
    return new InputFile(name, location, value, gzip, bytes, modifiedMillis);
  }

  /**
   * The job's exception for content that cannot be read.
   *
   * @param where the place in it
   */
  public JobException damaged(String where, Exception cause) {
    return Outage.orElse(
        new InvalidInputException(
            "expected a complete "
                + format.title()
                + " file, found it damaged, truncated or unsupported: "
                + cause.getMessage()
                + " (file="
                + location
                + ", at "
                + where
                + "); write the file again",
            cause),
        location);
  }

  InputFile withName(String value) {
    return new InputFile(value, location, format, gzip, bytes, modifiedMillis);
  }
}

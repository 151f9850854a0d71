package dev.millrace.pipeline.read;

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

  InputFile withName(String value) {
    return new InputFile(value, location, format, gzip, bytes, modifiedMillis);
  }
}

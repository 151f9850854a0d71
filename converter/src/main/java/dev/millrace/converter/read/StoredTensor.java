package dev.millrace.converter.read;

import java.nio.file.Path;
import java.util.List;

/**
 * Where a tensor lies.
 *
 * @param name its name in the checkpoint
 * @param type of its elements
 * @param shape outermost dimension first
 * @param file that holds it
 * @param offset of its first byte in the file
 * @param bytes its size
 */
public record StoredTensor(
    String name, ElementType type, List<Long> shape, Path file, long offset, long bytes) {
  public StoredTensor {
    shape = List.copyOf(shape);
  }

  /** File name and tensor name, for messages. */
  public String where() {
    return file.getFileName() + ", tensor " + name;
  }

  /**
   * Refuses another type or shape.
   *
   * @throws CheckpointException saying both
   */
  public void require(ElementType expectedType, List<Long> expectedShape)
      throws CheckpointException {
    if (type != expectedType || !shape.equals(expectedShape)) {
      throw new CheckpointException(
          where(),
          expectedType + " " + expectedShape,
          type + " " + shape,
          "the tensor does not fit config.json; check that both belong to one model");
    }
  }
}

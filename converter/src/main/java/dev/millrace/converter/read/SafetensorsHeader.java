package dev.millrace.converter.read;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Reads the header of a safetensors file and checks it against the file: eight bytes of header
 * length, little-endian; a JSON object from names to type, shape and offsets; then the tensors,
 * which must fill the rest of the file without gap or overlap. Format:
 * github.com/huggingface/safetensors, README "Format".
 */
final class SafetensorsHeader {
  /** Largest header that is read; the limit of the format's own library. */
  static final long HEADER_BYTES_MAX = 100_000_000;

  private static final int PREFIX_BYTES = 8;
  private static final String DAMAGED = "the file is damaged or incomplete; download it again";

  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private final Path file;
  private final String name;
  private long dataOffset;
  private long dataBytes;

  private SafetensorsHeader(Path file) {
    this.file = file;
    this.name = file.getFileName().toString();
  }

  /**
   * The tensors of a file, by offset.
   *
   * @throws CheckpointException if the header is not valid or does not fit the file
   */
  static List<StoredTensor> read(Path file) throws IOException {
    return new SafetensorsHeader(file).read();
  }

  private List<StoredTensor> read() throws IOException {
    byte[] json = readJson();
    List<StoredTensor> tensors = new ArrayList<>();
    try (JsonParser parser = JSON.createParser(json)) {
      expect(parser.nextToken() == JsonToken.START_OBJECT, "header", "a JSON object", "other JSON");
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String key = parser.currentName();
        expect(
            parser.nextToken() == JsonToken.START_OBJECT,
            "header, entry " + key,
            "a JSON object",
            "other JSON");
        if (key.equals("__metadata__")) {
          parser.skipChildren();
        } else {
          tensors.add(readTensor(parser, key));
        }
      }
      expect(parser.nextToken() == null, "header", "one JSON object", "more after it");
    } catch (JsonProcessingException e) {
      throw new CheckpointException(
          name + ", header", "valid JSON", e.getOriginalMessage(), DAMAGED, e);
    }
    tensors.sort(
        Comparator.comparingLong(StoredTensor::offset).thenComparingLong(StoredTensor::bytes));
    requireContiguous(tensors);
    return tensors;
  }

  private byte[] readJson() throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      expect(size >= PREFIX_BYTES, "length", "at least 8 bytes", size + " bytes");
      ByteBuffer prefix = ByteBuffer.allocate(PREFIX_BYTES).order(ByteOrder.LITTLE_ENDIAN);
      readFully(channel, prefix, 0);
      long length = prefix.getLong(0);
      expect(
          length >= 2 && length <= HEADER_BYTES_MAX,
          "header length",
          "2 to " + HEADER_BYTES_MAX + " bytes",
          Long.toUnsignedString(length));
      expect(
          length <= size - PREFIX_BYTES,
          "header length",
          "at most the " + (size - PREFIX_BYTES) + " bytes that follow it in the file",
          "" + length);
      dataOffset = PREFIX_BYTES + length;
      dataBytes = size - dataOffset;
      ByteBuffer json = ByteBuffer.allocate((int) length);
      readFully(channel, json, PREFIX_BYTES);
      return json.array();
    }
  }

  private void readFully(FileChannel channel, ByteBuffer target, long position) throws IOException {
    long at = position;
    while (target.hasRemaining()) {
      int read = channel.read(target, at);
      expect(read >= 0, "length", "the bytes of its header", "the end of the file");
      at += read;
    }
  }

  private StoredTensor readTensor(JsonParser parser, String tensor) throws IOException {
    String where = "tensor " + tensor;
    ElementType type = null;
    List<Long> shape = null;
    List<Long> offsets = null;
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String field = parser.currentName();
      parser.nextToken();
      switch (field) {
        case "dtype" -> type = elementType(parser, where);
        case "shape" -> shape = numbers(parser, where + " shape");
        case "data_offsets" -> offsets = numbers(parser, where + " data_offsets");
        default -> expect(false, where, "dtype, shape and data_offsets", "also " + field);
      }
    }
    expect(type != null, where, "a dtype", "none");
    expect(shape != null, where, "a shape", "none");
    expect(offsets != null && offsets.size() == 2, where, "two data_offsets", "" + offsets);
    long begin = offsets.get(0);
    long end = offsets.get(1);
    expect(
        begin <= end && end <= dataBytes,
        where + " data_offsets",
        "0 to " + dataBytes + ", the bytes of data in the file, in order",
        offsets.toString());
    long bytes = bytes(type, shape, where);
    expect(
        bytes == end - begin,
        where + " data_offsets",
        bytes + " bytes for " + type + " " + shape,
        end - begin + " bytes (" + offsets + ")");
    return new StoredTensor(tensor, type, shape, file, dataOffset + begin, bytes);
  }

  private ElementType elementType(JsonParser parser, String where) throws IOException {
    String text = parser.getText();
    for (ElementType type : ElementType.values()) {
      if (type.name().equals(text)) {
        return type;
      }
    }
    throw new CheckpointException(
        name + ", " + where + " dtype",
        "one of " + List.of(ElementType.values()),
        text,
        "convert the checkpoint to one of these types first");
  }

  private List<Long> numbers(JsonParser parser, String where) throws IOException {
    expect(parser.currentToken() == JsonToken.START_ARRAY, where, "an array", "other JSON");
    List<Long> numbers = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      boolean whole =
          parser.currentToken() == JsonToken.VALUE_NUMBER_INT
              && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER;
      expect(whole && parser.getLongValue() >= 0, where, "whole numbers from 0", parser.getText());
      numbers.add(parser.getLongValue());
      expect(numbers.size() <= 16, where, "at most 16 numbers", "more");
    }
    return numbers;
  }

  private long bytes(ElementType type, List<Long> shape, String where) throws CheckpointException {
    try {
      long bytes = type.bytes();
      for (long dimension : shape) {
        bytes = Math.multiplyExact(bytes, dimension);
      }
      return bytes;
    } catch (ArithmeticException e) {
      throw new CheckpointException(
          name + ", " + where + " shape", "a size below 2^63 bytes", "" + shape, DAMAGED, e);
    }
  }

  private void requireContiguous(List<StoredTensor> tensors) throws CheckpointException {
    long at = dataOffset;
    String before = "the header";
    for (StoredTensor tensor : tensors) {
      long begin = tensor.offset() - dataOffset;
      expect(
          tensor.offset() >= at,
          "tensor " + tensor.name() + " data_offsets",
          "to begin at " + (at - dataOffset) + ", where " + before + " ends",
          begin + ", which overlaps it");
      expect(
          tensor.offset() == at,
          "tensor " + tensor.name() + " data_offsets",
          "to begin at " + (at - dataOffset) + ", where " + before + " ends",
          begin + ", which leaves a hole");
      at += tensor.bytes();
      before = "tensor " + tensor.name();
    }
    expect(
        at == dataOffset + dataBytes,
        "length",
        "the data to end at byte " + at + ", with " + before,
        dataOffset + dataBytes + " bytes");
  }

  private void expect(boolean holds, String where, String expected, String found)
      throws CheckpointException {
    if (!holds) {
      throw new CheckpointException(name + ", " + where, expected, found, DAMAGED);
    }
  }
}

package dev.millrace.pipeline.read;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.airlift.compress.lz4.Lz4Compressor;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.junit.jupiter.api.Test;

final class ParquetCodecsTest {
  private static final int[] SIZES = {1, 13, 127, 128, 129, 4098, 300_000};

  private static byte[] page(int size) {
    byte[] page = new byte[size];
    new Random(size).nextBytes(page);
    Arrays.fill(page, size / 3, size / 2, (byte) 7); // something to compress
    return page;
  }

  private static byte[] decompress(CompressionCodecName codec, byte[] bytes, int length)
      throws IOException {
    return new ParquetCodecs()
        .getDecompressor(codec)
        .decompress(BytesInput.from(bytes), length)
        .toInputStream()
        .readAllBytes();
  }

  @Test
  void everyWrittenCodecReadsBack() throws IOException {
    for (CompressionCodecName codec :
        List.of(
            CompressionCodecName.UNCOMPRESSED,
            CompressionCodecName.SNAPPY,
            CompressionCodecName.GZIP,
            CompressionCodecName.ZSTD,
            CompressionCodecName.LZ4_RAW)) {
      for (int size : SIZES) {
        byte[] compressed =
            new ParquetCodecs()
                .getCompressor(codec)
                .compress(BytesInput.from(page(size)))
                .toInputStream()
                .readAllBytes();
        assertArrayEquals(page(size), decompress(codec, compressed, size), codec + " " + size);
      }
    }
  }

  private static byte[] lz4(byte[] plain) {
    Lz4Compressor compressor = new Lz4Compressor();
    byte[] out = new byte[compressor.maxCompressedLength(plain.length)];
    return Arrays.copyOf(out, compressor.compress(plain, 0, plain.length, out, 0, out.length));
  }

  @Test
  void olderLz4IsReadWithOneFrameSeveralAndNone() throws IOException {
    for (int size : SIZES) {
      byte[] page = page(size);
      assertArrayEquals(page, decompress(CompressionCodecName.LZ4, lz4(page), size), "bare");
      for (int frame : new int[] {size, Math.max(1, size / 3)}) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        for (int at = 0; at < size; at += frame) {
          byte[] part = Arrays.copyOfRange(page, at, Math.min(size, at + frame));
          byte[] compressed = lz4(part);
          out.writeInt(part.length);
          out.writeInt(compressed.length);
          out.write(compressed);
        }
        assertArrayEquals(
            page,
            decompress(CompressionCodecName.LZ4, bytes.toByteArray(), size),
            size + " in frames of " + frame);
      }
    }
  }

  @Test
  void damagedPagesAreRefused() throws IOException {
    for (CompressionCodecName codec :
        List.of(
            CompressionCodecName.SNAPPY,
            CompressionCodecName.ZSTD,
            CompressionCodecName.LZ4_RAW,
            CompressionCodecName.GZIP)) {
      byte[] noise = page(100);
      assertThrows(IOException.class, () -> decompress(codec, noise, 200), codec.toString());
    }
    assertThrows(
        IOException.class, () -> decompress(CompressionCodecName.UNCOMPRESSED, page(9), 10));
  }
}

package dev.millrace.pipeline.read;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdException;
import io.airlift.compress.Compressor;
import io.airlift.compress.Decompressor;
import io.airlift.compress.MalformedInputException;
import io.airlift.compress.lz4.Lz4Compressor;
import io.airlift.compress.lz4.Lz4Decompressor;
import io.airlift.compress.snappy.SnappyCompressor;
import io.airlift.compress.snappy.SnappyDecompressor;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.compression.CompressionCodecFactory;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;

/**
 * Parquet page codecs without Hadoop: none, snappy, gzip, zstd, lz4_raw and the older lz4, whose
 * blocks are framed as Hadoop does or, by some writers, not at all (Parquet format,
 * Compression.md).
 */
public final class ParquetCodecs implements CompressionCodecFactory {
  private static final int ZSTD_LEVEL = 3;
  private static final int FRAME_HEADER_BYTES = 8;

  /** Whether pages of this codec can be read. */
  static boolean reads(CompressionCodecName codec) {
    return switch (codec) {
      case UNCOMPRESSED, SNAPPY, GZIP, ZSTD, LZ4, LZ4_RAW -> true;
      case BROTLI, LZO -> false;
    };
  }

  @Override
  public BytesInputCompressor getCompressor(CompressionCodecName codec) {
    return new PageCompressor(codec);
  }

  @Override
  public BytesInputDecompressor getDecompressor(CompressionCodecName codec) {
    return new PageDecompressor(codec);
  }

  @Override
  public void release() {}

  private record PageCompressor(CompressionCodecName codec) implements BytesInputCompressor {
    @Override
    public BytesInput compress(BytesInput bytes) throws IOException {
      byte[] in = bytes.toInputStream().readAllBytes();
      return switch (codec) {
        case UNCOMPRESSED -> BytesInput.from(in);
        case ZSTD -> BytesInput.from(Zstd.compress(in, ZSTD_LEVEL));
        case SNAPPY -> block(new SnappyCompressor(), in);
        case LZ4_RAW -> block(new Lz4Compressor(), in);
        case GZIP -> {
          ByteArrayOutputStream out = new ByteArrayOutputStream();
          try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(in);
          }
          yield BytesInput.from(out.toByteArray());
        }
        case LZ4, LZO, BROTLI -> throw new IOException("codec " + codec + " is not written");
      };
    }

    private static BytesInput block(Compressor compressor, byte[] in) {
      byte[] out = new byte[compressor.maxCompressedLength(in.length)];
      int length = compressor.compress(in, 0, in.length, out, 0, out.length);
      return BytesInput.from(out, 0, length);
    }

    @Override
    public CompressionCodecName getCodecName() {
      return codec;
    }

    @Override
    public void release() {}
  }

  private record PageDecompressor(CompressionCodecName codec) implements BytesInputDecompressor {
    @Override
    public BytesInput decompress(BytesInput bytes, int length) throws IOException {
      byte[] in = bytes.toInputStream().readAllBytes();
      return BytesInput.from(decompress(in, length));
    }

    @Override
    public void decompress(ByteBuffer in, int compressed, ByteBuffer out, int length)
        throws IOException {
      byte[] bytes = new byte[compressed];
      in.get(bytes);
      out.put(decompress(bytes, length));
    }

    @Override
    public void release() {}

    private byte[] decompress(byte[] in, int length) throws IOException {
      byte[] out =
          switch (codec) {
            case UNCOMPRESSED -> in;
            case ZSTD -> zstd(in, length);
            case SNAPPY -> block(new SnappyDecompressor(), in, 0, in.length, length);
            case LZ4_RAW -> block(new Lz4Decompressor(), in, 0, in.length, length);
            case LZ4 -> framedLz4(in, length);
            case GZIP -> {
              try (GZIPInputStream gzip = new GZIPInputStream(new ByteArrayInputStream(in))) {
                yield gzip.readNBytes(length);
              }
            }
            case LZO, BROTLI -> throw new IOException("codec " + codec + " is not read");
          };
      if (out.length != length) {
        throw new IOException(
            "expected a page of " + length + " bytes, found " + out.length + " (" + codec + ")");
      }
      return out;
    }

    private static byte[] zstd(byte[] in, int length) throws IOException {
      byte[] out = new byte[length];
      try {
        long written = Zstd.decompressByteArray(out, 0, length, in, 0, in.length);
        if (Zstd.isError(written)) {
          throw new IOException("zstd page: " + Zstd.getErrorName(written));
        }
        return written == length ? out : Arrays.copyOf(out, (int) written);
      } catch (ZstdException e) {
        throw new IOException("zstd page: " + e.getMessage(), e);
      }
    }

    private static byte[] block(
        Decompressor decompressor, byte[] in, int offset, int compressed, int length)
        throws IOException {
      byte[] out = new byte[length];
      try {
        int written = decompressor.decompress(in, offset, compressed, out, 0, length);
        return written == length ? out : Arrays.copyOf(out, written);
      } catch (MalformedInputException e) {
        throw new IOException("compressed page: " + e.getMessage(), e);
      }
    }

    /** Frames of uncompressed size, compressed size (big-endian) and block, or one bare block. */
    private static byte[] framedLz4(byte[] in, int length) throws IOException {
      byte[] out = new byte[length];
      ByteBuffer frames = ByteBuffer.wrap(in);
      int written = 0;
      while (frames.remaining() >= FRAME_HEADER_BYTES && written < length) {
        int plain = frames.getInt();
        int compressed = frames.getInt();
        boolean fits =
            plain >= 0
                && plain <= length - written
                && compressed >= 0
                && compressed <= frames.remaining();
        if (!fits) {
          break;
        }
        byte[] part = block(new Lz4Decompressor(), in, frames.position(), compressed, plain);
        System.arraycopy(part, 0, out, written, part.length);
        written += part.length;
        frames.position(frames.position() + compressed);
      }
      boolean framed = written == length && !frames.hasRemaining();
      return framed ? out : block(new Lz4Decompressor(), in, 0, in.length, length);
    }
  }
}

package dev.millrace.pipeline.generate;

import dev.millrace.api.request.Choice;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.FinishReason;
import dev.millrace.api.request.RequestFailure;
import dev.millrace.api.request.TokenLogprob;
import dev.millrace.api.request.TokenUsage;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Completions as bytes, big-endian: a version byte; prompt, cached and output tokens; failure
 * (reason name and message, or an absent text); prompt log-probabilities; choices. Texts are a
 * 4-byte length and UTF-8, an absent one has length -1. The request's id is not part of it.
 */
public final class CompletionCodec {
  private static final int VERSION = 1;
  private static final int ABSENT = -1;

  private CompletionCodec() {}

  public static void write(DataOutput out, Completion completion) throws IOException {
    out.writeByte(VERSION);
    out.writeInt(completion.usage().promptTokens());
    out.writeInt(completion.usage().cachedTokens());
    out.writeInt(completion.usage().outputTokens());
    RequestFailure failure = completion.failure();
    text(out, failure == null ? null : failure.reason().name());
    text(out, failure == null ? null : failure.message());
    logprobs(out, completion.promptLogprobs());
    out.writeInt(completion.choices().size());
    for (Choice choice : completion.choices()) {
      write(out, choice);
    }
  }

  private static void write(DataOutput out, Choice choice) throws IOException {
    out.writeInt(choice.index());
    ints(out, choice.tokenIds());
    text(out, choice.text());
    text(out, choice.finishReason().name());
    text(out, choice.stoppedBy());
    out.writeDouble(choice.cumulativeLogprob());
    logprobs(out, choice.logprobs());
    out.writeLong(choice.seed());
  }

  private static void text(DataOutput out, String text) throws IOException {
    if (text == null) {
      out.writeInt(ABSENT);
      return;
    }
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    out.writeInt(bytes.length);
    out.write(bytes);
  }

  /** As one block: streams take single numbers byte by byte. */
  private static void ints(DataOutput out, int[] values) throws IOException {
    ByteBuffer block = ByteBuffer.allocate((values.length + 1) * Integer.BYTES);
    block.putInt(values.length).asIntBuffer().put(values);
    out.write(block.array());
  }

  private static void logprobs(DataOutput out, List<TokenLogprob> logprobs) throws IOException {
    out.writeInt(logprobs.size());
    for (TokenLogprob logprob : logprobs) {
      out.writeInt(logprob.tokenId());
      out.writeFloat(logprob.logprob());
      ints(out, logprob.topTokenIds());
      for (float top : logprob.topLogprobs()) {
        out.writeFloat(top);
      }
    }
  }

  /** Reads what {@link #write} wrote, as the answer to the request of this id. */
  public static Completion read(DataInput in, String id) throws IOException {
    int version = in.readUnsignedByte();
    if (version != VERSION) {
      throw new IOException(
          "expected a completion of version " + VERSION + ", found version " + version);
    }
    TokenUsage usage = new TokenUsage(in.readInt(), in.readInt(), in.readInt());
    String reason = text(in);
    String message = text(in);
    List<TokenLogprob> promptLogprobs = logprobs(in);
    List<Choice> choices = new ArrayList<>();
    for (int count = in.readInt(); count > 0; count--) {
      choices.add(choice(in));
    }
    RequestFailure failure =
        reason == null ? null : new RequestFailure(FailureReason.valueOf(reason), message);
    return new Completion(id, choices, promptLogprobs, usage, failure);
  }

  private static Choice choice(DataInput in) throws IOException {
    return new Choice(
        in.readInt(),
        ints(in),
        text(in),
        FinishReason.valueOf(text(in)),
        text(in),
        in.readDouble(),
        logprobs(in),
        in.readLong());
  }

  private static String text(DataInput in) throws IOException {
    int length = in.readInt();
    if (length == ABSENT) {
      return null;
    }
    byte[] bytes = new byte[length];
    in.readFully(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static int[] ints(DataInput in) throws IOException {
    int[] values = new int[in.readInt()];
    byte[] block = new byte[values.length * Integer.BYTES];
    in.readFully(block);
    ByteBuffer.wrap(block).asIntBuffer().get(values);
    return values;
  }

  private static List<TokenLogprob> logprobs(DataInput in) throws IOException {
    int count = in.readInt();
    List<TokenLogprob> logprobs = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      int token = in.readInt();
      float logprob = in.readFloat();
      int[] top = ints(in);
      float[] topLogprobs = new float[top.length];
      for (int k = 0; k < top.length; k++) {
        topLogprobs[k] = in.readFloat();
      }
      logprobs.add(new TokenLogprob(token, logprob, top, topLogprobs));
    }
    return logprobs;
  }
}

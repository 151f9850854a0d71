package dev.millrace.pipeline;

import dev.millrace.api.request.Completion;
import dev.millrace.pipeline.generate.CompletionCodec;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import org.apache.beam.sdk.coders.CustomCoder;
import org.apache.beam.sdk.coders.StringUtf8Coder;

/** Encodes completions between steps of a pipeline. */
public final class CompletionCoder extends CustomCoder<Completion> {
  private static final CompletionCoder INSTANCE = new CompletionCoder();

  private CompletionCoder() {}

  public static CompletionCoder of() {
    return INSTANCE;
  }

  @Override
  public void encode(Completion value, OutputStream out) throws IOException {
    StringUtf8Coder.of().encode(value.id(), out);
    DataOutputStream data = new DataOutputStream(out);
    CompletionCodec.write(data, value);
    data.flush();
  }

  @Override
  public Completion decode(InputStream in) throws IOException {
    String id = StringUtf8Coder.of().decode(in);
    return CompletionCodec.read(new DataInputStream(in), id);
  }

  @Override
  public void verifyDeterministic() {}

  @Override
  public boolean equals(Object other) {
    return other instanceof CompletionCoder;
  }

  @Override
  public int hashCode() {
    return CompletionCoder.class.hashCode();
  }
}

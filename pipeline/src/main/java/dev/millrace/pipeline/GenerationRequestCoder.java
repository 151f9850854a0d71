package dev.millrace.pipeline;

import dev.millrace.api.request.ChatMessage;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.SamplingSettings;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import org.apache.beam.sdk.coders.CustomCoder;
import org.apache.beam.sdk.coders.SerializableCoder;
import org.apache.beam.sdk.coders.StringUtf8Coder;

/** Encodes requests between steps of a pipeline. */
public final class GenerationRequestCoder extends CustomCoder<GenerationRequest> {
  private static final GenerationRequestCoder INSTANCE = new GenerationRequestCoder();
  private static final int NONE = 0;
  private static final int TEXT = 1;
  private static final int CHAT = 2;
  private static final int TOKENS = 3;

  private GenerationRequestCoder() {}

  public static GenerationRequestCoder of() {
    return INSTANCE;
  }

  @Override
  public void encode(GenerationRequest value, OutputStream out) throws IOException {
    StringUtf8Coder.of().encode(value.id(), out);
    prompt(value.prompt(), out);
    prompt(value.continuation(), out);
    SerializableCoder.of(SamplingSettings.class).encode(value.sampling(), out);
  }

  private static void prompt(Prompt prompt, OutputStream out) throws IOException {
    DataOutputStream data = new DataOutputStream(out);
    if (prompt == null) {
      data.writeByte(NONE);
    } else if (prompt instanceof Prompt.Text text) {
      data.writeByte(TEXT);
      StringUtf8Coder.of().encode(text.text(), data);
    } else if (prompt instanceof Prompt.Chat chat) {
      data.writeByte(CHAT);
      data.writeInt(chat.messages().size());
      for (ChatMessage message : chat.messages()) {
        StringUtf8Coder.of().encode(message.role(), data);
        StringUtf8Coder.of().encode(message.content(), data);
      }
    } else {
      data.writeByte(TOKENS);
      int[] tokens = ((Prompt.Tokens) prompt).tokenIds();
      data.writeInt(tokens.length);
      for (int token : tokens) {
        data.writeInt(token);
      }
    }
    data.flush();
  }

  @Override
  public GenerationRequest decode(InputStream in) throws IOException {
    String id = StringUtf8Coder.of().decode(in);
    Prompt prompt = prompt(in);
    Prompt continuation = prompt(in);
    SamplingSettings sampling = SerializableCoder.of(SamplingSettings.class).decode(in);
    return new GenerationRequest(id, prompt, continuation, sampling);
  }

  private static Prompt prompt(InputStream in) throws IOException {
    DataInputStream data = new DataInputStream(in);
    int kind = data.readByte();
    if (kind == NONE) {
      return null;
    }
    if (kind == TEXT) {
      return new Prompt.Text(StringUtf8Coder.of().decode(data));
    }
    int count = data.readInt();
    if (kind == CHAT) {
      List<ChatMessage> messages = new ArrayList<>(count);
      for (int i = 0; i < count; i++) {
        String role = StringUtf8Coder.of().decode(data);
        messages.add(new ChatMessage(role, StringUtf8Coder.of().decode(data)));
      }
      return new Prompt.Chat(messages);
    }
    int[] tokens = new int[count];
    for (int i = 0; i < count; i++) {
      tokens[i] = data.readInt();
    }
    return new Prompt.Tokens(tokens);
  }

  @Override
  public void verifyDeterministic() throws NonDeterministicException {
    throw new NonDeterministicException(this, List.of("sampling settings are Java-serialised"));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof GenerationRequestCoder;
  }

  @Override
  public int hashCode() {
    return GenerationRequestCoder.class.hashCode();
  }
}

package dev.millrace.jobs.evaluate.run;

import dev.millrace.jobs.evaluate.result.SampleMessage;
import dev.millrace.jobs.evaluate.result.SampleResult;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/** Tells whether two nights asked the same of a row: prompt, choices, accepted answers. */
final class SampleIdentity {
  private static final int BYTES = 16;

  private SampleIdentity() {}

  static String of(SampleResult sample) {
    MessageDigest digest = sha256();
    add(digest, sample.prompt());
    for (SampleMessage message : sample.messages()) {
      add(digest, message.role());
      add(digest, message.content());
    }
    add(digest, sample.target());
    sample.targets().forEach(target -> add(digest, target));
    // a row's choices are not looked at: they are missing where it failed
    add(digest, String.valueOf(sample.targetIndex()));
    return HexFormat.of().formatHex(digest.digest(), 0, BYTES);
  }

  /** One key for several requests. */
  static String joined(List<String> keys) {
    if (keys.size() == 1) {
      return keys.get(0);
    }
    MessageDigest digest = sha256();
    keys.forEach(key -> add(digest, key));
    return HexFormat.of().formatHex(digest.digest(), 0, 20);
  }

  private static void add(MessageDigest digest, String text) {
    if (text != null) {
      digest.update(text.getBytes(StandardCharsets.UTF_8));
    }
    digest.update((byte) 0);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}

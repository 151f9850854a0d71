package dev.millrace.api.workspace;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

final class DirectChannelsTest {
  @Test
  void thisJavaCanOpenFilesPastThePageCache() {
    assertTrue(
        DirectChannels.DIRECT.isPresent(), "without it the page cache copies every byte once more");
  }
}

package dev.millrace.jobs.evaluate.request;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which of several nights' answers counts. */
class AnswerStoreTest {
  @TempDir private Path evaluation;

  private Path answers() {
    return evaluation.resolve("answers");
  }

  private static Answer answer(String text) {
    return new Answer("key", List.of(text), List.of("stop"), null, 0, null, 1, 1, null);
  }

  private void keep(String night, String text) throws IOException {
    try (AnswerStore store = AnswerStore.open(answers(), night)) {
      store.commit(
          List.of(answer(text)).iterator(),
          Collections.emptyIterator(),
          evaluation.resolve("failures.jsonl"));
    }
  }

  private String answerIn(String night) throws IOException {
    try (AnswerStore store = AnswerStore.open(answers(), night)) {
      return store.answer("key").texts().get(0);
    }
  }

  private long segments() throws IOException {
    try (Stream<Path> files = Files.list(answers())) {
      return files.count();
    }
  }

  @Test
  void aLaterRunOfADateIsNewerThanItsFirst() throws IOException {
    keep("2026-11-25", "first");
    keep("2026-11-25.02", "second");
    assertEquals("second", answerIn("2026-11-26"));

    keep("2026-11-25.99", "ninety-ninth");
    keep("2026-11-25.100", "hundredth");
    assertEquals("hundredth", answerIn("2026-11-26"));
  }

  @Test
  void mergingKeepsTheNewestAnswer() throws IOException {
    for (int day = 0; day < 23; day++) {
      keep(LocalDate.of(2026, 10, 1).plusDays(day).toString(), "old");
    }
    keep("2026-11-25", "first");
    keep("2026-11-25.02", "second");

    assertEquals("second", answerIn("2026-11-26"));
    assertEquals(25, segments(), "opening alone changes nothing");
    try (AnswerStore store = AnswerStore.open(answers(), "2026-11-26")) {
      store.merge();
    }
    assertEquals(1, segments());
    assertEquals("second", answerIn("2026-11-26"));
  }
}

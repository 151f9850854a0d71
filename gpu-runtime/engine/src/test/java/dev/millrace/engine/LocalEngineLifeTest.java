package dev.millrace.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.engine.Engine.Submission;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.RequestFailure;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.engine.schedule.ScriptedExecutor;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Cancelling, failing, closing and idling. */
@Timeout(60)
class LocalEngineLifeTest {
  private static final Prompt PROMPT = new Prompt.Text("hello");

  private static SamplingSettings tokens(int max) {
    return SamplingSettings.builder().maxTokens(max).build();
  }

  private static void awaitSteps(PhraseExecutor executor, int steps) throws InterruptedException {
    while (executor.steps < steps) {
      Thread.sleep(1);
    }
  }

  @Test
  void cancelledRequestEndsWithinOneStep() throws InterruptedException {
    PhraseExecutor executor = PhraseExecutor.saying("abc");
    try (EngineFixture fixture = new EngineFixture(executor)) {
      executor.hold();
      Submission submission = fixture.submit("a", PROMPT, tokens(400));
      executor.letGo(3);
      awaitSteps(executor, 3);

      submission.cancel();
      submission.cancel();
      executor.letGo(1);

      Completion completion = fixture.next();
      assertEquals(FailureReason.CANCELLED, completion.failure().reason());
      executor.letGo(1000);
      assertFalse(fixture.run(PROMPT, tokens(3)).isFailed());
      assertTrue(executor.steps <= 4 + 3, "steps " + executor.steps);
    }
  }

  @Test
  void cancellingWhatHasEndedDoesNothing() throws InterruptedException {
    try (EngineFixture fixture = new EngineFixture(PhraseExecutor.saying("abc"))) {
      Submission submission = fixture.submit("a", PROMPT, tokens(3));
      assertFalse(fixture.next().isFailed());

      submission.cancel();

      assertFalse(fixture.run(PROMPT, tokens(3)).isFailed());
      assertEquals(2, fixture.completions.size());
    }
  }

  @Test
  void textThatEndsTheStackFailsItsRequestAlone() throws Exception {
    PhraseExecutor executor = PhraseExecutor.saying(ScriptedText.OVERFLOW);
    try (EngineFixture fixture = new EngineFixture(executor)) {
      fixture.queueSequences = 1; // a place that is lost would be the last
      for (String prompt : List.of(ScriptedText.OVERFLOW, "letters.", ScriptedText.OVERFLOW)) {
        fixture.submit("r" + fixture.completions.size(), new Prompt.Text(prompt), tokens(8));

        RequestFailure failure = fixture.next().failure();
        assertEquals(FailureReason.ENGINE_FAILED, failure.reason());
        assertTrue(failure.message().contains("StackOverflowError"), failure.message());
      }
      fixture.submit("last", PROMPT, tokens(2));
      assertFalse(fixture.next().isFailed());
    }
  }

  /** Each answer of a request takes room; one that has more than there is comes in alone. */
  @Test
  void aRequestOfManyAnswersTakesTheRoomOfAsMany() throws Exception {
    InFlight queue = new InFlight(4);
    ActiveRequest many = asking(3);
    ActiveRequest more = asking(5);
    queue.enter(many);
    queue.enter(asking(1));
    CompletableFuture<Void> entered =
        CompletableFuture.runAsync(
            () -> {
              try {
                queue.enter(more);
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
            });

    queue.leave(many);
    queue.leave(many); // counts once
    assertThrows(TimeoutException.class, () -> entered.get(200, TimeUnit.MILLISECONDS));
    queue.close();
    assertThrows(ExecutionException.class, () -> entered.get(10, TimeUnit.SECONDS));

    InFlight empty = new InFlight(4);
    empty.enter(more);
    empty.leave(more);
    empty.enter(many);
    empty.enter(asking(1));
  }

  private static ActiveRequest asking(int answers) {
    GenerationRequest request =
        new GenerationRequest("r", PROMPT, SamplingSettings.builder().n(answers).build());
    return new ActiveRequest(request, new ScriptedText(8), c -> {}, a -> {}, a -> {});
  }

  @Test
  void submitterWaitsWhileTheQueueIsFull() throws Exception {
    PhraseExecutor executor = PhraseExecutor.saying("abc");
    try (EngineFixture fixture = new EngineFixture(executor)) {
      fixture.queueSequences = 3;
      executor.hold();
      for (int i = 0; i < 3; i++) {
        fixture.submit("r" + i, PROMPT, tokens(2));
      }
      CountDownLatch entered = new CountDownLatch(1);
      Thread submitter =
          new Thread(
              () -> {
                try {
                  fixture.submit("late", PROMPT, tokens(2));
                  entered.countDown();
                } catch (InterruptedException e) {
                  throw new IllegalStateException(e);
                }
              });
      submitter.start();
      assertFalse(entered.await(200, TimeUnit.MILLISECONDS), "the fourth request entered");

      executor.letGo(1000);
      assertTrue(entered.await(10, TimeUnit.SECONDS), "the fourth request never entered");
      for (int i = 0; i < 4; i++) {
        assertFalse(fixture.next().isFailed());
      }
      submitter.join();
    }
  }

  @Test
  void failedStepFailsWhatIsInFlightAndLaterSubmitsThrowTheFirstError() throws Exception {
    ScriptedExecutor executor = new ScriptedExecutor(64, ScriptedText.VOCABULARY);
    try (EngineFixture fixture = new EngineFixture(executor)) {
      fixture.run(PROMPT, tokens(2));
      EngineException first = new EngineException("rank 2 failed: out of luck");
      executor.failNext(first);

      Completion completion = fixture.run(PROMPT, tokens(2));

      assertEquals(FailureReason.ENGINE_FAILED, completion.failure().reason());
      assertEquals(first.getMessage(), completion.failure().message());
      EngineException later =
          assertThrows(EngineException.class, () -> fixture.submit("later", PROMPT, tokens(2)));
      assertSame(first, later.getCause());
      fixture.engine().close();
      assertTrue(executor.isClosed());
    }
  }

  @Test
  void faultOfTheExecutorIsWrappedWithItsCause() throws Exception {
    ScriptedExecutor executor = new ScriptedExecutor(64, ScriptedText.VOCABULARY);
    try (EngineFixture fixture = new EngineFixture(executor)) {
      IllegalStateException fault = new IllegalStateException("a fault");
      executor.failNext(fault);
      assertTrue(fixture.run(PROMPT, tokens(2)).isFailed());
      EngineException later =
          assertThrows(EngineException.class, () -> fixture.submit("later", PROMPT, tokens(2)));
      assertSame(fault, later.getCause().getCause());
    }
  }

  @Test
  void consumerThatThrowsFailsTheEngineAndNobodyElseIsForgotten() throws Exception {
    PhraseExecutor executor = PhraseExecutor.saying("abc");
    try (EngineFixture fixture = new EngineFixture(executor)) {
      executor.hold();
      fixture.submit("other", PROMPT, tokens(400));
      fixture
          .engine()
          .submit(
              new GenerationRequest("bad", PROMPT, tokens(2)),
              completion -> {
                throw new IllegalStateException("the sink is full");
              });
      executor.letGo(10);

      Completion other = fixture.next();
      assertEquals(FailureReason.ENGINE_FAILED, other.failure().reason());
      assertTrue(other.failure().message().contains("bad"), other.failure().message());
      executor.letGo(1000);
    }
  }

  @Test
  void closeCancelsWhatIsInFlightAndMayComeTwice() throws Exception {
    PhraseExecutor executor = PhraseExecutor.saying("abc");
    EngineFixture fixture = new EngineFixture(executor);
    fixture.submit("a", PROMPT, tokens(500));
    awaitSteps(executor, 1);

    fixture.engine().close();
    fixture.engine().close();

    assertTrue(fixture.completions.containsKey("a"), "delivered before close returns");
    assertTrue(executor.closed);
    EngineException closed =
        assertThrows(EngineException.class, () -> fixture.submit("b", PROMPT, tokens(2)));
    assertTrue(closed.getMessage().contains("closed"), closed.getMessage());
  }

  @Test
  void failureToReleaseIsReportedByClose() throws Exception {
    PhraseExecutor executor = PhraseExecutor.saying("abc");
    EngineFixture fixture = new EngineFixture(executor);
    executor.closeFailure = new EngineException("12 bytes are still out");
    fixture.run(PROMPT, tokens(2));

    EngineException error = assertThrows(EngineException.class, () -> fixture.engine().close());
    assertSame(executor.closeFailure, error);
    fixture.engine().close();
  }

  @Test
  void stepThatNeverReturnsIsGivenUp() throws Exception {
    PhraseExecutor executor = PhraseExecutor.saying("abc");
    EngineFixture fixture = new EngineFixture(executor);
    fixture.stepDeadlineMillis = 50;
    executor.hold();

    Completion completion = fixture.run(PROMPT, tokens(2));

    assertEquals(FailureReason.ENGINE_FAILED, completion.failure().reason());
    assertTrue(completion.failure().message().contains("50 ms"), completion.failure().message());
    assertThrows(EngineException.class, () -> fixture.submit("b", PROMPT, tokens(2)));
    assertThrows(EngineException.class, () -> fixture.engine().close());
    executor.letGo(10);
  }

  @Test
  void idleEngineLeavesTheProcessorAlone() throws Exception {
    try (EngineFixture fixture = new EngineFixture(PhraseExecutor.saying("abc"))) {
      fixture.run(PROMPT, tokens(3));
      long before = engineCpuNanos();
      Thread.sleep(2000);
      long used = engineCpuNanos() - before;

      assertTrue(used < 20_000_000, "engine threads used " + used / 1000 + " us of 2 s");
      assertTrue(fixture.run(PROMPT, tokens(3)).failure() == null);
      assertTrue(fixture.engine().statistics().idleNanos() > 1_900_000_000L);
    }
  }

  private static long engineCpuNanos() {
    var threads = ManagementFactory.getThreadMXBean();
    long nanos = 0;
    for (Thread thread : Thread.getAllStackTraces().keySet()) {
      if (thread.getName().startsWith("millrace-")) {
        nanos += Math.max(0, threads.getThreadCpuTime(thread.getId()));
      }
    }
    return nanos;
  }

  @Test
  void completionIsNotLostWhenCloseAndSubmitMeet() throws Exception {
    for (int round = 0; round < 200; round++) {
      EngineFixture fixture = new EngineFixture(PhraseExecutor.saying("abc"));
      fixture.engine();
      CountDownLatch submitted = new CountDownLatch(1);
      int[] accepted = {0};
      Thread submitter =
          new Thread(
              () -> {
                try {
                  for (int i = 0; i < 100; i++) {
                    fixture.submit("r" + i, PROMPT, tokens(2));
                    accepted[0]++;
                    submitted.countDown();
                  }
                } catch (EngineException | InterruptedException e) {
                  assertNotNull(e.getMessage());
                }
              });
      submitter.start();
      submitted.await();
      fixture.engine().close();
      submitter.join();
      assertEquals(accepted[0], fixture.completions.size(), "round " + round);
    }
  }
}

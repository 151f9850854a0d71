package dev.millrace.engine.schedule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.step.DrawState;
import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepPlan;
import dev.millrace.engine.step.StepResult;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SchedulerTest {
  private final Random random = new Random(3);
  private SchedulerLimits limits = new SchedulerLimits(8, 128, 128, 64, 1024, true);
  private Scheduler scheduler;
  private ScriptedExecutor script;

  private void open() {
    scheduler = new Scheduler(limits);
    script = new ScriptedExecutor(limits.kvBlocks(), Scripted.VOCABULARY);
  }

  private int[] tokens(int count) {
    return random.ints(count, 1, Scripted.VOCABULARY).toArray();
  }

  private Scripted add(int[] prompt, int maxTokens) {
    Scripted sequence = Scripted.generating(prompt, maxTokens);
    scheduler.add(sequence.open());
    return sequence;
  }

  private StepPlan step() {
    StepPlan plan = scheduler.plan();
    scheduler.commit(script.execute(plan));
    scheduler.check();
    return plan;
  }

  private void runToEnd() {
    while (!scheduler.isIdle()) {
      step();
    }
  }

  @Test
  void longPromptIsComputedInChunksAndDrawsOnceAtItsEnd() {
    open();
    add(tokens(300), 2);

    StepPlan first = step();
    StepPlan second = step();
    StepPlan third = step();
    StepPlan fourth = step();

    assertEquals(128, first.tokens());
    assertTrue(first.logitTasks().isEmpty());
    assertEquals(128, second.positions()[0]);
    assertEquals(44, third.tokens());
    assertEquals(43, third.logitTasks().get(0).tokenRow());
    assertArrayEquals(new int[] {300}, third.contextTokens());
    assertEquals(1, fourth.tokens());
    assertEquals(300, fourth.positions()[0]);
    assertTrue(scheduler.isIdle());
    assertNull(scheduler.plan());
  }

  @Test
  void runningSequencesGetTheirTokenBesideEveryPrefillChunk() {
    open();
    Scripted early = add(tokens(10), 20);
    step();
    add(tokens(1000), 1);

    for (int i = 0; i < 7; i++) {
      StepPlan plan = step();
      assertEquals(2, plan.sequences());
      assertEquals(1, plan.queryStarts()[1], "the decode row comes first");
      assertEquals(128, plan.tokens());
    }
    assertEquals(8, early.tokens.size());
  }

  @Test
  void sequencesAreAdmittedInTheOrderTheyCame() {
    limits = new SchedulerLimits(2, 128, 128, 64, 1024, true);
    open();
    Scripted[] sequences = new Scripted[5];
    for (int i = 0; i < 5; i++) {
      sequences[i] = add(tokens(20 - i), 3);
    }
    int endedBefore = 0;
    while (!scheduler.isIdle()) {
      step();
      int ended = (int) Arrays.stream(sequences).filter(s -> s.ended).count();
      for (int i = 0; i < ended; i++) {
        assertTrue(sequences[i].ended, "sequence " + i + " was overtaken");
      }
      assertTrue(ended >= endedBefore);
      endedBefore = ended;
    }
  }

  /** Where 150 sequences take as long as 192, 128 at a time end sooner. */
  @Test
  void fewSequencesBeyondAStepWaitAndManyDoNot() {
    int each = 11; // blocks
    assertEquals(128, mostAtOnce(64, 150 * each));
    int free = mostAtOnce(1, 150 * each);
    assertTrue(free >= 148, "without steps: " + free);
    int many = mostAtOnce(64, 184 * each);
    assertTrue(many >= 180, "nearly 192: " + many);
  }

  private int mostAtOnce(int sequencesStep, int blocks) {
    limits = new SchedulerLimits(512, 8192, 8192, blocks, 1024, false, sequencesStep, 1);
    open();
    for (int i = 0; i < 400; i++) {
      add(tokens(612), 64);
    }
    int most = 0;
    while (!scheduler.isIdle()) {
      step();
      most = Math.max(most, scheduler.runningSequences());
    }
    return most;
  }

  @Test
  void fullStepEndsAtAMultipleOfRowsAndTheNextTakesTheRest() {
    limits = new SchedulerLimits(16, 256, 256, 64, 1024, false, 1, 2);
    open();
    Scripted[] sequences = new Scripted[18];
    for (int i = 0; i < sequences.length; i++) {
      sequences[i] = add(tokens(i == 0 ? 6 : 5), 3);
    }

    StepPlan first = step();
    StepPlan second = step();
    runToEnd();

    assertEquals(16, first.sequences());
    assertEquals(80, first.tokens(), "of 81");
    assertEquals(15, first.logitTasks().size(), "the last one's prompt has not ended");
    assertEquals(16, second.tokens());
    assertEquals(16, second.logitTasks().size());
    for (Scripted sequence : sequences) {
      assertEquals(3, sequence.tokens.size());
    }
  }

  @Test
  void rowsAreNotRoundedOffWhereTheRestWouldCostAStep() {
    assertEquals(81, firstOfOddTokens(16, 16), "nobody waits");
    assertEquals(71, firstOfOddTokens(14, 18), "few run");
    assertEquals(80, firstOfOddTokens(16, 18), "many run, and others wait");
  }

  /** Tokens of the first step, in which all that run have 5, but for one of 6. */
  private int firstOfOddTokens(int sequencesMax, int sequences) {
    limits = new SchedulerLimits(sequencesMax, 256, 256, 64, 1024, false, 1, 2);
    open();
    for (int i = 0; i < sequences; i++) {
      add(tokens(i == 0 ? 6 : 5), 3);
    }
    return step().tokens();
  }

  @Test
  void equalPrefixIsComputedOnceEvenWhenAllComeAtOnce() {
    limits = new SchedulerLimits(8, 1024, 1024, 64, 1024, true);
    open();
    int[] prefix = tokens(256);
    Scripted[] sequences = new Scripted[6];
    for (int i = 0; i < 6; i++) {
      int[] prompt = Arrays.copyOf(prefix, 266);
      System.arraycopy(tokens(10), 0, prompt, 256, 10);
      sequences[i] = add(prompt, 4);
    }
    runToEnd();

    assertEquals(5 * 256, scheduler.counts().cachedTokens());
    assertEquals(256 + 6 * (10 + 3), scheduler.counts().computedTokens());
    for (int i = 0; i < 6; i++) {
      assertEquals(i == 0 ? 0 : 256, sequences[i].sequence.cachedTokens());
      sequences[i].assertAsAlone(script, "sequence " + i);
    }
  }

  @Test
  void lastPromptTokenIsAlwaysComputed() {
    open();
    int[] prompt = tokens(128);
    add(prompt, 1);
    runToEnd();
    Scripted again = add(prompt, 1);
    StepPlan plan = step();

    assertEquals(64, again.sequence.cachedTokens());
    assertEquals(64, plan.tokens());
    again.assertAsAlone(script, "full prompt in the cache");
  }

  @Test
  void generatedTokensAreFoundAsAPrefixToo() {
    open();
    Scripted first = add(tokens(60), 80);
    runToEnd();
    int[] longer = Arrays.copyOf(first.prompt, 60 + first.tokens.size() + 1);
    for (int i = 0; i < first.tokens.size(); i++) {
      longer[60 + i] = first.tokens.get(i);
    }
    longer[longer.length - 1] = 7;
    Scripted second = add(longer, 2);
    runToEnd();

    assertEquals((60 + first.tokens.size() - 1) / 64 * 64, second.sequence.cachedTokens());
    second.assertAsAlone(script, "continued conversation");
  }

  @Test
  void nothingIsSharedWhenThePrefixCacheIsOff() {
    limits = new SchedulerLimits(8, 128, 128, 64, 1024, false);
    open();
    int[] prompt = tokens(200);
    add(prompt, 2);
    add(prompt, 2);
    runToEnd();

    assertEquals(0, scheduler.counts().cachedTokens());
    assertEquals(2 * 201, scheduler.counts().computedTokens());
  }

  @Test
  void promptLogprobsNeedEveryRowAndSkipNoPrefix() {
    limits = new SchedulerLimits(4, 128, 40, 64, 1024, true);
    open();
    int[] prompt = tokens(200);
    add(prompt, 1);
    runToEnd();
    Scripted scored = new Scripted(prompt, null, true, 0, 3, 1);
    scheduler.add(scored.open());
    StepPlan plan = step();

    assertEquals(40, plan.tokens(), "as many rows as logits may be asked for");
    assertEquals(40, plan.logitTasks().size());
    assertTrue(plan.logitTasks().get(0) instanceof LogitTask.Score);
    runToEnd();
    assertEquals(0, scored.sequence.cachedTokens());
    assertEquals(199, scored.scores.size());
    scored.assertAsAlone(script, "prompt log-probabilities");
  }

  @Test
  void scoringTakesThePrefixButNotTheRowsItNeeds() {
    open();
    int[] prompt = tokens(200);
    add(prompt, 1);
    runToEnd();
    Scripted scored = new Scripted(prompt, tokens(30), false, 0, 1, 1);
    scheduler.add(scored.open());
    StepPlan plan = step();

    assertEquals(192, scored.sequence.cachedTokens());
    assertEquals(8 + 29, plan.tokens(), "the last token has nothing after it");
    assertEquals(30, plan.logitTasks().size());
    assertTrue(scheduler.isIdle());
    scored.assertAsAlone(script, "scoring");
  }

  @Test
  void preemptedSequenceResumesWithTheSameTokens() {
    // learn that outputs are short, then break the promise
    limits = new SchedulerLimits(4, 128, 128, 8, 512, false);
    open();
    for (int i = 0; i < 24; i++) {
      add(tokens(3), 1);
    }
    runToEnd();
    Scripted[] sequences = new Scripted[3];
    for (int i = 0; i < 3; i++) {
      sequences[i] = add(tokens(60 + i), 400);
    }
    runToEnd();

    assertTrue(scheduler.counts().preemptions() > 0, "nothing was preempted");
    for (Scripted sequence : sequences) {
      sequence.assertAsAlone(script, "preempted");
    }
  }

  @Test
  void oneSequenceMayFillTheWholeCache() {
    limits = new SchedulerLimits(4, 128, 128, 8, 512, true);
    open();
    Scripted[] sequences = {add(tokens(100), 412), add(tokens(510), 2), add(tokens(1), 511)};
    runToEnd();
    for (Scripted sequence : sequences) {
      sequence.assertAsAlone(script, "as long as the cache");
    }
  }

  @Test
  void abandonedSequenceGivesItsBlocksBackAndHearsNoMore() {
    open();
    Scripted gone = add(tokens(100), 50);
    Scripted stays = add(tokens(20), 3);
    step();
    gone.sequence.abandon();
    int heard = gone.tokens.size();
    StepPlan plan = step();

    assertEquals(1, plan.sequences());
    assertEquals(heard, gone.tokens.size());
    runToEnd();
    assertFalse(gone.ended);
    stays.assertAsAlone(script, "beside an abandoned one");
  }

  @Test
  void sequencesAbandonedBeforeTheyRunLeaveTheQueue() {
    limits = new SchedulerLimits(1, 128, 128, 64, 1024, true);
    open();
    Scripted stays = add(tokens(20), 3);
    Scripted waits = add(tokens(20), 3);
    Scripted cameTooLate = Scripted.generating(tokens(20), 3);
    Sequence late = cameTooLate.open();
    step();
    waits.sequence.abandon();
    step();
    late.abandon();
    scheduler.add(late);
    runToEnd();
    stays.assertAsAlone(script, "before abandoned ones");
    assertTrue(waits.tokens.isEmpty() && cameTooLate.tokens.isEmpty());
  }

  @Test
  void sequenceThatCanNeverFitIsRefused() {
    open();
    assertThrows(IllegalArgumentException.class, () -> add(tokens(1000), 25));
    assertThrows(
        IllegalArgumentException.class, () -> new SchedulerLimits(8, 128, 128, 15, 1024, true));
    assertThrows(
        IllegalArgumentException.class, () -> new SchedulerLimits(8, 7, 128, 16, 1024, true));
  }

  @Test
  void planAndCommitMustAlternate() {
    open();
    add(tokens(5), 1);
    StepPlan plan = scheduler.plan();
    assertThrows(IllegalStateException.class, () -> scheduler.plan());
    StepResult result = script.execute(plan);
    scheduler.commit(result);
    assertThrows(IllegalStateException.class, () -> scheduler.commit(result));
  }

  @Test
  void stepPlannedAheadRefersToTheTokensOfTheStepUnderWay() {
    open();
    Scripted first = add(tokens(5), 3);
    Scripted second = add(tokens(7), 3);
    script.submit(scheduler.plan());
    StepPlan ahead = scheduler.planAhead();
    assertArrayEquals(new int[] {-1, -2}, ahead.tokenIds());
    assertArrayEquals(new int[] {5, 7}, ahead.positions());
    assertThrows(IllegalStateException.class, () -> scheduler.planAhead());
    script.submit(ahead);
    scheduler.commit(script.await());
    assertEquals(1, first.tokens.size());
    script.submit(scheduler.planAhead());
    scheduler.commit(script.await());
    assertNull(scheduler.planAhead(), "the last tokens are under way");
    scheduler.commit(script.await());
    first.assertAsAlone(script, "first");
    second.assertAsAlone(script, "second");
    assertTrue(scheduler.isIdle());
  }

  @Test
  void sequenceWhoseDrawsLookBackWaitsForItsToken() {
    open();
    int[] prompt = tokens(5);
    Scripted penalised = Scripted.generating(prompt, 3);
    DrawState draw =
        new DrawState(0, 0, 1, 0, 1.1, 0, 0, Map.of(), new int[0][], new int[] {0}, 1, prompt);
    scheduler.add(Sequence.generating(prompt, null, 1, 3, 3, draw, penalised));
    Scripted free = add(tokens(7), 3);
    script.submit(scheduler.plan());
    assertArrayEquals(new int[] {7}, scheduler.planAhead().positions());
    assertFalse(free.ended || penalised.ended);
  }
}

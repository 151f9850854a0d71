package dev.millrace.jobs.memory;

import dev.millrace.api.engine.DeviceReading;
import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.MemoryEntry;
import dev.millrace.api.engine.MemoryProbe;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/**
 * Loads an engine, runs requests, closes it, and again: what is not given back shows as a drift of
 * what the devices have in use with no engine open.
 */
public final class MemoryStress {
  /** More than this between rounds is a leak. */
  public static final long DRIFT_MAX = 64L << 20;

  /**
   * Rounds in which what a process takes once may still grow: code compiled, libraries, arenas of
   * the allocator.
   */
  private static final int WARM_ROUNDS = 3;

  private static final int OUTPUT_TOKENS = 24;
  private static final int PROMPT_TOKENS_MAX = 96;

  private final EngineFactory factory;
  private final MemoryProbe probe;
  private final int vocabulary;
  private final int requests;

  /**
   * @param vocabulary token ids below this may be asked with
   * @param requests of a round
   */
  public MemoryStress(EngineFactory factory, MemoryProbe probe, int vocabulary, int requests) {
    this.factory = factory;
    this.probe = probe;
    this.vocabulary = vocabulary;
    this.requests = requests;
  }

  /**
   * One round.
   *
   * @param number from 1 on
   * @param accountedBytes that each rank held by the engine's own books
   * @param open readings with the engine open, after its requests
   * @param closed readings after it was closed
   */
  public record Round(
      int number, long accountedBytes, List<DeviceReading> open, List<DeviceReading> closed) {
    public Round {
      open = List.copyOf(open);
      closed = List.copyOf(closed);
    }
  }

  /**
   * Runs.
   *
   * @param told of each round when it ends
   * @return all rounds
   * @throws CommandException if a request failed
   */
  public List<Round> run(int rounds, Consumer<Round> told) throws InterruptedException {
    List<Round> done = new ArrayList<>();
    for (int number = 1; number <= rounds; number++) {
      Round round = round(number);
      told.accept(round);
      done.add(round);
    }
    return done;
  }

  private Round round(int number) throws InterruptedException {
    List<DeviceReading> open;
    long accounted;
    try (Engine engine = factory.openEngine()) {
      ask(engine, number);
      accounted = accountedBytes(engine.info());
      open = probe.read();
    }
    System.gc(); // the heap is the host's device memory: garbage is none of it
    return new Round(number, accounted, open, probe.read());
  }

  private static long accountedBytes(EngineInfo info) {
    return info.memory().stream().mapToLong(MemoryEntry::usedBytes).sum();
  }

  private void ask(Engine engine, int number) throws InterruptedException {
    int context = engine.info().contextTokensMax();
    int outputs = Math.max(1, Math.min(OUTPUT_TOKENS, context / 4));
    int longest = Math.max(1, Math.min(PROMPT_TOKENS_MAX, context - outputs));
    Random random = new Random(number);
    CountDownLatch finished = new CountDownLatch(requests);
    AtomicReference<Completion> failed = new AtomicReference<>();
    SamplingSettings sampling =
        SamplingSettings.builder().maxTokens(outputs).ignoreEos(true).build();
    for (int i = 0; i < requests; i++) {
      int[] prompt = random.ints(1 + random.nextInt(longest), 0, vocabulary).toArray();
      engine.submit(
          new GenerationRequest("request-" + i, new Prompt.Tokens(prompt), sampling),
          completion -> {
            if (completion.isFailed()) {
              failed.compareAndSet(null, completion);
            }
            finished.countDown();
          });
    }
    finished.await();
    if (failed.get() != null) {
      throw new CommandException(
          ExitCode.INTERNAL,
          "Round %d: %s failed: %s"
              .formatted(number, failed.get().id(), failed.get().failure().message()),
          "Rounds that fail say nothing of memory; mend this first.");
    }
  }

  /**
   * The largest growth, over all devices, of what is in use with the engine closed: of any later
   * round over the largest of the first ones.
   */
  public static long drift(List<Round> rounds) {
    int warm = Math.min(WARM_ROUNDS, Math.max(1, rounds.size() - 1));
    long drift = 0;
    for (int device = 0; device < rounds.get(0).closed().size(); device++) {
      long first = 0;
      for (int i = 0; i < rounds.size(); i++) {
        long used = rounds.get(i).closed().get(device).usedBytes();
        if (i < warm) {
          first = Math.max(first, used);
        } else {
          drift = Math.max(drift, used - first);
        }
      }
    }
    return drift;
  }

  /** Whether the engine's books said the same in every round. */
  public static boolean isAccountedAlike(List<Round> rounds) {
    return rounds.stream().mapToLong(Round::accountedBytes).distinct().count() <= 1;
  }
}

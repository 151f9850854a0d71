package dev.millrace.pipeline.host;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.GenerationRequest;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.function.Consumer;

/** Equal engines on devices of their own as one: a request goes where the fewest are in flight. */
final class ReplicatedEngine implements Engine {
  private final List<Engine> replicas;
  private final AtomicIntegerArray inFlight;

  ReplicatedEngine(List<Engine> replicas) {
    this.replicas = List.copyOf(replicas);
    this.inFlight = new AtomicIntegerArray(replicas.size());
  }

  /** That of one replica, but for the sequences, which all take together. */
  @Override
  public EngineInfo info() {
    EngineInfo one = replicas.get(0).info();
    return new EngineInfo(
        one.modelFingerprint(),
        one.backend(),
        one.ranks(),
        one.contextTokensMax(),
        Math.multiplyExact(one.sequencesMax(), replicas.size()),
        replicas.stream().mapToLong(engine -> engine.info().loadNanos()).max().orElse(0),
        one.memory());
  }

  @Override
  public Submission submit(GenerationRequest request, Consumer<Completion> completion)
      throws InterruptedException {
    int replica = leastBusy();
    inFlight.incrementAndGet(replica);
    boolean submitted = false;
    try {
      Submission submission =
          replicas
              .get(replica)
              .submit(
                  request,
                  answer -> {
                    inFlight.decrementAndGet(replica);
                    completion.accept(answer);
                  });
      submitted = true;
      return submission;
    } finally {
      if (!submitted) {
        inFlight.decrementAndGet(replica);
      }
    }
  }

  private int leastBusy() {
    int best = 0;
    for (int i = 1; i < replicas.size(); i++) {
      if (inFlight.get(i) < inFlight.get(best)) {
        best = i;
      }
    }
    return best;
  }

  @Override
  public EngineStatistics statistics() {
    EngineStatistics sum = new EngineStatistics(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    for (Engine replica : replicas) {
      sum = EngineJson.sum(sum, replica.statistics());
    }
    return sum;
  }

  @Override
  public void close() {
    replicas.forEach(Engine::close);
  }
}

package dev.millrace.pipeline.host;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.RequestFailure;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** Keeps the first request until the test fails it. */
class StubEngine implements Engine {
  private final CompletableFuture<Runnable> held = new CompletableFuture<>();

  @Override
  public EngineInfo info() {
    return new EngineInfo("stub", "stub", 1, 100, 8, 0, List.of());
  }

  @Override
  public Submission submit(GenerationRequest request, Consumer<Completion> completion) {
    RequestFailure failure = new RequestFailure(FailureReason.ENGINE_FAILED, "a GPU fault");
    held.complete(() -> completion.accept(Completion.failed(request.id(), failure)));
    return () -> {};
  }

  void awaitRequest() throws Exception {
    held.get(); // a test's time limit interrupts this, and would not a join
  }

  /** Fails on the request that it holds, once it has one. */
  void fail() throws Exception {
    held.get().run();
  }

  @Override
  public EngineStatistics statistics() {
    return new EngineStatistics(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  }

  @Override
  public void close() {}
}

package dev.millrace.pipeline;

import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.pipeline.generate.InferenceFn;
import dev.millrace.pipeline.generate.RequestBatch;
import java.time.Duration;
import java.util.Objects;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.values.PCollection;

/**
 * Runs a model over a collection: requests in, completions out, each exactly one, in any order.
 *
 * <pre>{@code
 * PCollection<Completion> completions =
 *     requests.apply(BatchInference.with(engineFactory));
 * }</pre>
 *
 * Each worker process opens one engine, shared by all its threads, and keeps it full: elements do
 * not wait for each other, and no batch acts as a barrier. When the engine fails, it is opened
 * again and what it did not answer is tried once more; a request that it fails on every time
 * becomes a completion with the failure {@code ENGINE_FAILED}. Results keep the timestamp and
 * windows of their elements. After a shuffle, runners may hand over elements in bundles of one:
 * then the parallelism of the runner is the number of requests in flight.
 *
 * <p>Immutable; each {@code withX} returns a copy.
 *
 * @param <InT> elements: requests, or whatever stands for a batch of them
 * @param <OutT> what each element becomes
 */
public final class BatchInference<InT, OutT>
    extends PTransform<PCollection<InT>, PCollection<OutT>> {
  private static final int REQUESTS_IN_FLIGHT = 1024;
  private static final Duration LINGER = Duration.ofMinutes(2);

  private final EngineFactory factory;
  private final RequestBatch.Opener<InT, OutT> opener;
  private final Coder<OutT> coder;
  private final int elementsInFlight;
  private final Duration linger;
  private final String run;

  private BatchInference(
      EngineFactory factory,
      RequestBatch.Opener<InT, OutT> opener,
      Coder<OutT> coder,
      int elementsInFlight,
      Duration linger,
      String run) {
    this.factory = Objects.requireNonNull(factory, "factory");
    this.opener = Objects.requireNonNull(opener, "opener");
    this.coder = Objects.requireNonNull(coder, "coder");
    this.elementsInFlight = elementsInFlight;
    this.linger = Objects.requireNonNull(linger, "linger");
    this.run = run;
  }

  /** Each element is one request; ids must be unique among the requests in flight. */
  public static BatchInference<GenerationRequest, Completion> with(EngineFactory factory) {
    return new BatchInference<>(
        factory, SingleRequest::new, CompletionCoder.of(), REQUESTS_IN_FLIGHT, LINGER, null);
  }

  /** Each element stands for a batch of requests, which the opener knows how to read and keep. */
  public static <InT, OutT> BatchInference<InT, OutT> ofBatches(
      EngineFactory factory, RequestBatch.Opener<InT, OutT> opener, Coder<OutT> coder) {
    return new BatchInference<>(factory, opener, coder, 1, LINGER, null);
  }

  /** Elements that each thread may have in the engine besides the one it hands over. */
  public BatchInference<InT, OutT> withElementsInFlight(int value) {
    if (value < 0) {
      throw new IllegalArgumentException("elements in flight: expected 0 or more, found " + value);
    }
    return new BatchInference<>(factory, opener, coder, value, linger, run);
  }

  /** How long the engine stays open after its last user, so that a retry need not load it again. */
  public BatchInference<InT, OutT> withLinger(Duration value) {
    return new BatchInference<>(factory, opener, coder, elementsInFlight, value, run);
  }

  /** Ties the transform to a run of this process, for its counters and its cancellation. */
  BatchInference<InT, OutT> ofRun(String value) {
    return new BatchInference<>(factory, opener, coder, elementsInFlight, linger, value);
  }

  @Override
  public PCollection<OutT> expand(PCollection<InT> elements) {
    return elements
        .apply(
            "Generate", ParDo.of(new InferenceFn<>(factory, opener, elementsInFlight, linger, run)))
        .setCoder(coder);
  }

  /** A batch of the one request that the element is. */
  private static final class SingleRequest implements RequestBatch<Completion> {
    private GenerationRequest request;
    private volatile Completion completion;

    SingleRequest(GenerationRequest request) {
      this.request = request;
    }

    @Override
    public GenerationRequest next() {
      GenerationRequest next = request;
      request = null;
      return next;
    }

    @Override
    public void accept(GenerationRequest answered, Completion answer) {
      completion = answer;
    }

    @Override
    public Completion finish() {
      return completion;
    }

    @Override
    public void close() {}
  }
}

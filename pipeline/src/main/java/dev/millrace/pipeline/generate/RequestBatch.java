package dev.millrace.pipeline.generate;

import dev.millrace.api.request.Completion;
import dev.millrace.api.request.GenerationRequest;
import java.io.Closeable;
import java.io.IOException;
import java.io.Serializable;

/**
 * The requests that one element of a pipeline stands for, and what becomes of them.
 *
 * @param <OutT> what the element turns into once all its requests are answered
 */
public interface RequestBatch<OutT> extends Closeable {

  /** The next request, or null at the end. Called by one thread at a time. */
  GenerationRequest next() throws IOException;

  /**
   * Takes the answer to a request; called exactly once for each, by any thread, also while {@link
   * #next} runs. Must be quick and must not throw: what goes wrong is reported by {@link #finish}.
   */
  void accept(GenerationRequest request, Completion completion);

  /**
   * Makes the result; called once, when every request is answered.
   *
   * @throws IOException if what was accepted could not be kept
   */
  OutT finish() throws IOException;

  /** Lets go of everything, finished or not; what was accepted may be kept for a later try. */
  @Override
  void close() throws IOException;

  /**
   * Opens the batch of an element.
   *
   * @param <InT> elements
   * @param <OutT> results
   */
  interface Opener<InT, OutT> extends Serializable {
    RequestBatch<OutT> open(InT element) throws IOException;

    /** Told now and then, and when a function has done its part, of the engine that it uses. */
    default void used(EngineLease engine) throws IOException {}
  }
}

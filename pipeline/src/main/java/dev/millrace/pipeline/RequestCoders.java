package dev.millrace.pipeline;

import dev.millrace.api.request.Completion;
import dev.millrace.api.request.GenerationRequest;
import java.util.List;
import org.apache.beam.sdk.coders.CoderProvider;
import org.apache.beam.sdk.coders.CoderProviderRegistrar;
import org.apache.beam.sdk.coders.CoderProviders;
import org.apache.beam.sdk.values.TypeDescriptor;

/** Lets pipelines find the coders of requests and completions; a service of Beam's. */
public final class RequestCoders implements CoderProviderRegistrar {
  @Override
  public List<CoderProvider> getCoderProviders() {
    return List.of(
        CoderProviders.forCoder(
            TypeDescriptor.of(GenerationRequest.class), GenerationRequestCoder.of()),
        CoderProviders.forCoder(TypeDescriptor.of(Completion.class), CompletionCoder.of()));
  }
}

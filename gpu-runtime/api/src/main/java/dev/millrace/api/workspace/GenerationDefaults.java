package dev.millrace.api.workspace;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

/**
 * What the checkpoint says of generation; what it does not say is null.
 *
 * @param bosTokenId begins a text
 * @param eosTokenIds any of them ends a text; may be empty
 * @param padTokenId fills
 * @param doSample whether its authors sample, or decode greedily
 * @param temperature their temperature
 * @param topK their top-k
 * @param topP their top-p
 * @param repetitionPenalty their repetition penalty
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record GenerationDefaults(
    Integer bosTokenId,
    List<Integer> eosTokenIds,
    Integer padTokenId,
    Boolean doSample,
    Double temperature,
    Integer topK,
    Double topP,
    Double repetitionPenalty) {
  public GenerationDefaults {
    eosTokenIds = List.copyOf(eosTokenIds);
  }
}

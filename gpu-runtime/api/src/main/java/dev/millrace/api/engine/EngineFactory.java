package dev.millrace.api.engine;

import java.io.Serializable;

/** Opens engines of one model with one set of settings; travels to workers by serialisation. */
public interface EngineFactory extends Serializable {

  /** Names the model and every engine setting that can change a token; part of resume checks. */
  String fingerprint();

  /** Names weights, tokenizer and template alone; what an output row says it was answered by. */
  String modelFingerprint();

  /** An encoder for this model; cheap beside an engine, touches no weights. */
  PromptEncoder openPromptEncoder();

  /**
   * Loads the model.
   *
   * @throws EngineException if the workspace or the settings do not allow it, saying what to do
   */
  Engine openEngine();
}

package dev.millrace.pipeline;

import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.PromptEncoder;

/** Opens engines of its own for a model of another factory's. */
interface WrappedEngineFactory extends EngineFactory {
  EngineFactory scripted();

  @Override
  default String fingerprint() {
    return scripted().fingerprint();
  }

  @Override
  default String modelFingerprint() {
    return scripted().modelFingerprint();
  }

  @Override
  default PromptEncoder openPromptEncoder() {
    return scripted().openPromptEncoder();
  }
}

package dev.millrace.converter;

import dev.millrace.api.workspace.GenerationDefaults;
import dev.millrace.api.workspace.WorkspaceManifest.SourceRecord;
import dev.millrace.converter.read.ModelConfig;
import dev.millrace.converter.weights.Weights;
import java.nio.file.Path;

/**
 * A model to convert.
 *
 * @param config its shapes
 * @param weights its weights
 * @param generation its generation defaults
 * @param record what to say of it in the manifest
 * @param textFolder where its tokenizer and template lie; null if it has none
 */
record ModelSource(
    ModelConfig config,
    Weights weights,
    GenerationDefaults generation,
    SourceRecord record,
    Path textFolder) {}

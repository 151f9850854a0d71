/**
 * What a model needs computed, and the Java reference that says what each operation means. A {@link
 * dev.millrace.engine.compute.Backend} belongs to one rank and knows nothing of the others, of
 * models, of workspaces or of scheduling; of the step it reads the plan alone.
 */
package dev.millrace.engine.compute;

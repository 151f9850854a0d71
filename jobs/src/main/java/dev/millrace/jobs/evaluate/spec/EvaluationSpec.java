package dev.millrace.jobs.evaluate.spec;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/**
 * A whole night, as its file says.
 *
 * @param name of the evaluation
 * @param seed of everything that is drawn
 * @param models in order
 * @param suites in order
 * @param recheckShare share of cached answers that are computed again and compared, 0 to 1
 * @param costPerHour price of the machine, or null
 * @param currency of the price, or null
 * @param chunkRows requests that are committed together
 * @param beamArguments which runner the batch jobs use, and its options
 * @param metricJars jars with metrics of the user's own
 * @param text the file as it was read
 * @param fingerprint SHA-256 of the file, the ready tasks it uses and its jars, lower-case
 *     hexadecimal
 */
public record EvaluationSpec(
    String name,
    long seed,
    List<ModelSpec> models,
    List<SuiteSpec> suites,
    double recheckShare,
    Double costPerHour,
    String currency,
    int chunkRows,
    List<String> beamArguments,
    List<Path> metricJars,
    String text,
    String fingerprint) {
  public EvaluationSpec {
    Objects.requireNonNull(name, "name");
    models = List.copyOf(models);
    suites = List.copyOf(suites);
    beamArguments = List.copyOf(beamArguments);
    metricJars = List.copyOf(metricJars);
    Objects.requireNonNull(text, "text");
    Objects.requireNonNull(fingerprint, "fingerprint");
  }
}

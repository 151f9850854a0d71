package dev.millrace.jobs.report;

import dev.millrace.api.engine.MemoryEntry;
import dev.millrace.jobs.progress.Amounts;
import dev.millrace.pipeline.job.StagePlan;
import dev.millrace.pipeline.job.StagePlan.Distribution;
import java.util.List;
import java.util.Optional;

/** What a job will take, for people: tokens, memory, time, and the same for other rank counts. */
public final class PlanReport {
  /** What {@link MemoryEntry#purpose} calls the cache. */
  private static final String KV_CACHE = "kv-cache";

  private static final String ON_THE_CPU =
      " On the CPU ranks share the cores, and more of them make no job faster.";

  private final StagePlan plan;
  private final MemoryForecast chosen;
  private final List<MemoryForecast> others;
  private final Optional<TimeForecast> time;
  private final boolean onGpus;

  /**
   * A report.
   *
   * @param chosen memory of the rank count asked for
   * @param others memory of the other rank counts, those that cannot run included
   * @param time expected time, if a rate is known
   * @param onGpus whether ranks have a GPU each; else they share the cores
   */
  public PlanReport(
      StagePlan plan,
      MemoryForecast chosen,
      List<MemoryForecast> others,
      Optional<TimeForecast> time,
      boolean onGpus) {
    this.plan = plan;
    this.chosen = chosen;
    this.others = List.copyOf(others);
    this.time = time;
    this.onGpus = onGpus;
  }

  /** Several lines, ending in a line break. */
  public String text() {
    Columns columns = new Columns();
    columns.heading("Plan; nothing was generated.").gap();
    rows(columns);
    tokens(columns);
    if (!chosen.perRank().isEmpty()) {
      memory(columns);
    }
    if (chosen.fits()) {
      time(columns);
    }
    columns.gap().heading("Other rank counts:").gap();
    columns.row("tp", String.format("%14s  %14s", "each rank", "all ranks"));
    for (MemoryForecast other : others) {
      columns.row(String.valueOf(other.ranks()), cost(other));
    }
    columns.gap();
    columns.heading(
        chosen.fits()
            ? "It fits." + (onGpus ? "" : ON_THE_CPU)
            : "It does not fit: " + chosen.obstacle() + " (exit code 4).");
    return columns.toString();
  }

  private void rows(Columns columns) {
    columns.row(
        "rows",
        Amounts.count(plan.rows())
            + " in "
            + plan.files().size()
            + (plan.files().size() == 1 ? " file; " : " files; ")
            + Amounts.count(plan.failedRows())
            + " failed already");
    plan.failures()
        .forEach((reason, count) -> columns.more(Amounts.count(count) + " failed: " + reason));
    columns.row(
        "requests",
        Amounts.count(plan.requests())
            + " to compute in "
            + plan.chunks()
            + (plan.chunks() == 1 ? " chunk, " : " chunks, ")
            + Amounts.count(plan.duplicates())
            + " rows are duplicates");
  }

  private void tokens(Columns columns) {
    Distribution lengths = plan.promptLengths();
    columns.row(
        "tokens in",
        Amounts.count(plan.promptTokens())
            + ", of which "
            + Amounts.count(plan.sharedPrefixTokens())
            + " in shared prefixes");
    columns.more(
        String.format(
            "prompts: shortest %d, median %d, 90 %% up to %d, 99 %% up to %d, longest %d",
            lengths.minimum(),
            lengths.median(),
            lengths.percentile90(),
            lengths.percentile99(),
            lengths.maximum()));
    columns.row("tokens out", "at most " + Amounts.count(plan.outputTokensMax()));
    columns.row(
        "longest",
        Amounts.count(plan.longestRequestTokens())
            + " of the model's "
            + Amounts.count(plan.contextTokensMax())
            + " tokens");
  }

  private void memory(Columns columns) {
    String label = "memory";
    for (MemoryEntry entry : chosen.perRank()) {
      columns.row(
          label,
          String.format(
              "%-14s %10s on each of %d%s",
              entry.purpose(), Amounts.bytes(entry.plannedBytes()), chosen.ranks(), held(entry)));
      label = "";
    }
    columns.row(
        label,
        String.format(
            "%-14s %10s, %s over all ranks",
            "total", Amounts.bytes(chosen.rankBytes()), Amounts.bytes(chosen.totalBytes())));
  }

  private String held(MemoryEntry entry) {
    return entry.purpose().equals(KV_CACHE) && chosen.kvCacheTokens() > 0
        ? ", " + Amounts.count(chosen.kvCacheTokens()) + " tokens"
        : "";
  }

  private void time(Columns columns) {
    if (time.isEmpty()) {
      columns.row("time", "not known: this model has not been measured on this machine");
      return;
    }
    TimeForecast forecast = time.get();
    columns.row(
        "time",
        "about "
            + Amounts.text(forecast.expectedSeconds())
            + ", at most "
            + Amounts.text(forecast.longestSeconds()));
    columns.more(forecast.basis());
  }

  private static String cost(MemoryForecast forecast) {
    return forecast.perRank().isEmpty()
        ? forecast.obstacle()
        : String.format(
            "%14s  %14s%s",
            Amounts.bytes(forecast.rankBytes()),
            Amounts.bytes(forecast.totalBytes()),
            forecast.fits() ? "" : "  does not fit: " + forecast.obstacle());
  }
}

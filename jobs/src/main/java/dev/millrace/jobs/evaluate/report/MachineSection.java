package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.evaluate.result.EngineTotals;
import dev.millrace.jobs.evaluate.result.JobTotals;
import dev.millrace.jobs.evaluate.result.ModelRun;
import dev.millrace.jobs.evaluate.result.RankMemory;
import dev.millrace.jobs.progress.Amounts;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** What the night took: throughput, tokens, time, memory of each rank, idle time, cost. */
final class MachineSection {
  private final Page page;
  private final HtmlWriter html;
  private final Plots plots;

  MachineSection(Page page, HtmlWriter html) {
    this.page = page;
    this.html = html;
    this.plots = new Plots(html);
  }

  void write() throws IOException {
    html.open("section", "id", "machine").element("h2", "Machine");
    if (page.night().models().isEmpty()) {
      html.element("p", "This night had no models.", "class", "empty");
    }
    for (ModelRun model : page.night().models()) {
      model(model);
    }
    html.close("section");
  }

  private void model(ModelRun model) throws IOException {
    html.open("article").open("h3").name(model.name()).close("h3");
    html.open("dl", "class", "facts");
    for (Map.Entry<String, String> fact : facts(model).entrySet()) {
      html.open("div").element("dt", fact.getKey());
      html.open("dd").name(fact.getValue()).close("dd").close("div");
    }
    html.close("dl");
    stages(model.job());
    if (model.engine() != null && !model.engine().memoryPerRank().isEmpty()) {
      memory(model.engine());
    }
    html.close("article");
  }

  private static Map<String, String> facts(ModelRun model) {
    JobTotals job = model.job();
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put(
        "Throughput",
        Amounts.rate(job.outputTokensPerSecond())
            + " tokens/s out, "
            + Amounts.rate(job.computedTokensPerSecond())
            + " through the model");
    facts.put(
        "Tokens",
        String.format(
            Locale.ROOT,
            "%,d in (%,d from the prefix cache), %,d out",
            job.promptTokens(),
            job.cachedTokens(),
            job.outputTokens()));
    facts.put(
        "Requests",
        String.format(
            Locale.ROOT,
            "%,d: %,d computed, %,d reused from earlier nights, %,d equal to another",
            job.requests(),
            job.computedRequests(),
            job.reusedRequests(),
            job.duplicateRequests()));
    EngineTotals engine = model.engine();
    if (engine == null) {
      facts.put("Engine", "not opened: every answer came from the cache");
    } else {
      facts.put(
          "Engine",
          String.format(
              Locale.ROOT,
              "%s, %d rank%s, up to %,d sequences of %,d tokens",
              engine.backend(),
              engine.ranks(),
              engine.ranks() == 1 ? "" : "s",
              engine.sequencesMax(),
              engine.contextTokensMax()));
      double open = engine.modelSeconds() + engine.idleSeconds();
      facts.put(
          "Busy and idle",
          String.format(
              Locale.ROOT,
              "%s in the model, %s idle (%.0f %%); %,d steps of %.1f sequences",
              Amounts.text(engine.modelSeconds()),
              Amounts.text(engine.idleSeconds()),
              open == 0 ? 0 : 100 * engine.idleSeconds() / open,
              engine.steps(),
              engine.sequencesPerStep()));
    }
    if (job.cost() != null) {
      facts.put("Cost", Figures.plain(job.cost()) + " " + job.currency());
    }
    facts.put("Workspace", model.workspace());
    facts.put("Fingerprint", model.fingerprint());
    return facts;
  }

  private void stages(JobTotals job) throws IOException {
    Map<String, Double> stages = new LinkedHashMap<>();
    stages.put("Read and tokenise", job.stageSeconds());
    stages.put("Load the model", job.loadSeconds());
    stages.put("Generate", job.generateSeconds());
    stages.put("Write answers", job.assembleSeconds());
    stages.put("Score", job.scoreSeconds());
    double known = stages.values().stream().mapToDouble(Double::doubleValue).sum();
    stages.put("Other", Math.max(0, job.totalSeconds() - known));
    html.open("table", "class", "small").element("caption", "Time, " + total(job));
    html.open("tbody");
    for (Map.Entry<String, Double> stage : stages.entrySet()) {
      double share = job.totalSeconds() == 0 ? 0 : stage.getValue() / job.totalSeconds();
      html.open("tr").element("th", stage.getKey(), "scope", "row");
      html.element("td", Amounts.text(stage.getValue()), "class", "num").open("td");
      plots.fill(share, Math.round(100 * share) + " % of the time");
      html.close("td").close("tr");
    }
    html.close("tbody").close("table");
  }

  private static String total(JobTotals job) {
    return Amounts.text(job.totalSeconds()) + " in all";
  }

  private void memory(EngineTotals engine) throws IOException {
    long most =
        engine.memoryPerRank().stream()
            .mapToLong(memory -> Math.max(memory.plannedBytes(), memory.usedBytes()))
            .max()
            .orElse(1);
    html.open("table", "class", "small");
    html.element("caption", "Memory on each of " + engine.ranks() + " ranks");
    html.open("thead").open("tr");
    for (String head : new String[] {"Purpose", "Planned", "Used", ""}) {
      html.element("th", head, "scope", "col");
    }
    html.close("tr").close("thead").open("tbody");
    for (RankMemory memory : engine.memoryPerRank()) {
      html.open("tr").element("th", memory.purpose(), "scope", "row");
      html.element("td", Amounts.bytes(memory.plannedBytes()), "class", "num");
      html.element("td", Amounts.bytes(memory.usedBytes()), "class", "num").open("td");
      String name = Amounts.bytes(memory.usedBytes()) + " used";
      plots.fill((double) memory.usedBytes() / Math.max(1, most), name);
      html.close("td").close("tr");
    }
    html.close("tbody").close("table");
  }
}

package dev.millrace.jobs.evaluate.metric;

import dev.millrace.jobs.evaluate.template.BoundedPattern.StepsExceededException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * IFEval (Zhou et al. 2023, arXiv:2311.07911): whether an answer follows the instructions that its
 * row lists in {@code instruction_id_list} and {@code kwargs}. Strictly as it stands, and loosely:
 * also without its first line, its last line, asterisks, or any of these together.
 */
final class IfevalMetric implements Metric {
  private static final String PROMPT_STRICT = "prompt_level_strict";
  private static final String INSTRUCTION_STRICT = "inst_level_strict";
  private static final String PROMPT_LOOSE = "prompt_level_loose";
  private static final String INSTRUCTION_LOOSE = "inst_level_loose";

  @Override
  public List<Figure> figures() {
    return List.of(
        Figure.mean(PROMPT_STRICT),
        Figure.mean(INSTRUCTION_STRICT),
        Figure.mean(PROMPT_LOOSE),
        Figure.mean(INSTRUCTION_LOOSE));
  }

  @Override
  public void check(Map<String, Object> row) {
    checks(row);
  }

  /** As many as there are instructions that were not followed. */
  @Override
  public Map<String, Double> weights(Map<String, Object> row) {
    double count = checks(row).size();
    return Map.of(INSTRUCTION_STRICT, count, INSTRUCTION_LOOSE, count);
  }

  @Override
  public Values judge(JudgedSample sample) {
    List<InstructionCheck> checks = checks(sample.row());
    String answer = sample.answers().isEmpty() ? "" : sample.answers().get(0);
    int strict = 0;
    int loose = 0;
    for (InstructionCheck check : checks) {
      strict += follows(check, answer) ? 1 : 0;
      loose += variants(answer).stream().anyMatch(text -> follows(check, text)) ? 1 : 0;
    }
    return new Values(
        Map.of(
            PROMPT_STRICT,
            strict == checks.size() ? 1.0 : 0.0,
            INSTRUCTION_STRICT,
            (double) strict,
            PROMPT_LOOSE,
            loose == checks.size() ? 1.0 : 0.0,
            INSTRUCTION_LOOSE,
            (double) loose),
        weights(sample.row()));
  }

  private static boolean follows(InstructionCheck check, String answer) {
    try {
      return !answer.isBlank() && check.follows(answer);
    } catch (StepsExceededException e) {
      return false; // no answer that follows an instruction is that hard to look at
    }
  }

  private static List<InstructionCheck> checks(Map<String, Object> row) {
    if (!(row.get("instruction_id_list") instanceof List<?> ids)
        || !(row.get("kwargs") instanceof List<?> arguments)
        || ids.size() != arguments.size()) {
      throw new IllegalArgumentException(
          "ifeval: expected columns instruction_id_list and kwargs, lists of equal length");
    }
    List<InstructionCheck> checks = new ArrayList<>();
    for (int i = 0; i < ids.size(); i++) {
      checks.add(InstructionCheck.of(String.valueOf(ids.get(i)), arguments.get(i)));
    }
    return checks;
  }

  private static Set<String> variants(String answer) {
    List<String> lines = List.of(answer.split("\n", -1));
    int last = lines.size() - 1;
    Set<String> plain = new LinkedHashSet<>();
    plain.add(answer);
    plain.add(String.join("\n", lines.subList(Math.min(1, lines.size()), lines.size())).strip());
    plain.add(String.join("\n", lines.subList(0, last)).strip());
    plain.add(last < 1 ? "" : String.join("\n", lines.subList(1, Math.max(1, last))).strip());
    Set<String> all = new LinkedHashSet<>(plain);
    plain.forEach(text -> all.add(text.replace("*", "")));
    return all;
  }
}

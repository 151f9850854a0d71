package dev.millrace.jobs.evaluate.prompt;

import dev.millrace.jobs.evaluate.data.DataRow;
import dev.millrace.jobs.evaluate.spec.FewShotSpec;
import dev.millrace.jobs.evaluate.template.RowTemplate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;

/**
 * Chooses the examples of each row. An example whose prompt is the row's own, wherever it came
 * from, is passed over and the next one taken: a row is never shown its own answer.
 */
final class FewShot {
  private final FewShotSpec spec;
  private final RowTemplate match;
  private final List<DataRow> pool;
  private final List<String> prompts;
  private final Map<String, List<Integer>> byGroup = new HashMap<>();

  /**
   * Examples.
   *
   * @param pool the rows they are taken from, in order
   * @param prompt renders the prompt of a row
   */
  FewShot(FewShotSpec spec, List<DataRow> pool, Function<DataRow, String> prompt) {
    this.spec = spec;
    this.match = spec.match() == null ? null : RowTemplate.compile(spec.match());
    this.pool = spec.examples().isEmpty() ? pool : fixed(spec);
    this.prompts = this.pool.stream().map(prompt).toList();
    for (int i = 0; i < this.pool.size(); i++) {
      byGroup.computeIfAbsent(group(this.pool.get(i)), g -> new ArrayList<>()).add(i);
    }
    if (spec.draw() == FewShotSpec.Draw.SHARED) {
      byGroup.forEach(
          (group, members) -> shuffle(members, Seeds.of(spec.seed(), "few-shot", group)));
    }
  }

  private static List<DataRow> fixed(FewShotSpec spec) {
    List<DataRow> rows = new ArrayList<>();
    for (Map<String, Object> example : spec.examples()) {
      rows.add(new DataRow("example#" + rows.size(), new LinkedHashMap<>(example)));
    }
    return rows;
  }

  private String group(DataRow row) {
    return match == null ? "" : match.render(row.values());
  }

  /**
   * The examples of a row, in the order they are shown.
   *
   * @throws dev.millrace.jobs.outcome.CommandException if there are too few
   */
  List<DataRow> of(DataRow row, String rowPrompt) {
    String group = group(row);
    List<Integer> members = byGroup.getOrDefault(group, List.of());
    if (spec.draw() == FewShotSpec.Draw.PER_ROW) {
      members = new ArrayList<>(members);
      shuffle(members, Seeds.of(spec.seed(), "few-shot", group, row.id()));
    }
    List<DataRow> chosen = new ArrayList<>(spec.k());
    for (int member : members) {
      if (chosen.size() == spec.k()) {
        break;
      }
      if (!prompts.get(member).equals(rowPrompt)) {
        chosen.add(pool.get(member));
      }
    }
    if (chosen.size() < spec.k()) {
      throw new IllegalArgumentException(
          "expected "
              + spec.k()
              + " examples beside row "
              + row.id()
              + (match == null ? "" : " with the same " + spec.match().text())
              + ", found "
              + chosen.size());
    }
    return chosen;
  }

  private static void shuffle(List<Integer> members, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = members.size() - 1; i > 0; i--) {
      int other = random.nextInt(i + 1);
      Integer kept = members.get(i);
      members.set(i, members.get(other));
      members.set(other, kept);
    }
  }
}

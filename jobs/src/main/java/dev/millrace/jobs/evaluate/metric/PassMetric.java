package dev.millrace.jobs.evaluate.metric;

import dev.millrace.jobs.evaluate.spec.Place;
import dev.millrace.jobs.evaluate.spec.PlacedText;
import dev.millrace.jobs.evaluate.statistics.PassAtK;
import dev.millrace.jobs.evaluate.template.RowTemplate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * pass@k: each answer becomes a program through a template, a command of the user's runs it in the
 * {@link Sandbox}, and exit code 0 is a pass.
 */
final class PassMetric implements Metric {
  private static final long MIB = 1 << 20;

  private final List<Integer> ks;
  private final List<String> command;
  private final String file;
  private final RowTemplate program;
  private final Sandbox.Limits limits;
  private final Sandbox sandbox;

  private PassMetric(
      List<Integer> ks,
      List<String> command,
      String file,
      RowTemplate program,
      Sandbox.Limits limits,
      Sandbox sandbox) {
    this.ks = ks;
    this.command = command;
    this.file = file;
    this.program = program;
    this.limits = limits;
    this.sandbox = sandbox;
  }

  /**
   * Makes it from its options.
   *
   * @param answers how many there are to each request
   * @throws IllegalArgumentException if an option is not right
   */
  static Metric of(Options options, int answers, Sandbox sandbox) {
    List<Integer> ks = new ArrayList<>();
    for (Object k : list(options.value("k", List.of(1L)))) {
      if (!(k instanceof Long whole) || whole < 1 || whole > 1024) {
        throw new IllegalArgumentException("k: expected whole numbers from 1 to 1024");
      }
      if (whole > answers) {
        throw new IllegalArgumentException(
            "k: expected at most sampling.n, which is " + answers + ", found " + whole);
      }
      ks.add(Math.toIntExact(whole));
    }
    List<String> command =
        list(options.value("command", List.of())).stream().map(String::valueOf).toList();
    if (command.isEmpty()) {
      throw new IllegalArgumentException("command: expected a program and its arguments");
    }
    String file = options.text("file");
    if (!file.matches("[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")) {
      throw new IllegalArgumentException("file: expected a plain file name");
    }
    Place place = new Place("pass_at_k.program", 1, 1);
    RowTemplate program =
        RowTemplate.compile(new PlacedText("program", options.text("program"), place));
    Sandbox.Limits limits =
        new Sandbox.Limits(
            (long) (1000 * options.number("timeout_seconds", 10)),
            options.whole("memory_mib", 512, 16, 1 << 20) * MIB,
            options.whole("output_kib", 64, 1, 1 << 20) * 1024L);
    if (!sandbox.isAllowed()) {
      throw new IllegalArgumentException(
          "it runs what the model wrote, which is off: give --allow-execution if you accept that");
    }
    return new PassMetric(ks, command, file, program, limits, sandbox);
  }

  private static List<?> list(Object value) {
    return value instanceof List<?> several ? several : List.of(value);
  }

  @Override
  public List<Figure> figures() {
    return ks.stream().map(k -> Figure.mean("pass@" + k)).toList();
  }

  @Override
  public Values judge(JudgedSample sample) {
    int right = 0;
    for (String answer : sample.extracted()) {
      right += answer != null && passes(sample, answer) ? 1 : 0;
    }
    int answers = sample.extracted().size();
    Map<String, Double> values = new HashMap<>();
    for (int k : ks) {
      values.put("pass@" + k, PassAtK.of(answers, right, k));
    }
    return new Values(values, Map.of());
  }

  private boolean passes(JudgedSample sample, String answer) {
    Map<String, Object> values = new HashMap<>(sample.row());
    values.put("answer", answer);
    return sandbox.run(command, Map.of(file, program.render(values)), limits).isSuccess();
  }
}

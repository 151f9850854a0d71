package dev.millrace.jobs.evaluate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.jobs.CommandLineRun;
import dev.millrace.jobs.RepositoryFiles;
import dev.millrace.jobs.evaluate.metric.UserMetric;
import dev.millrace.jobs.evaluate.result.EvaluationFolder;
import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.jobs.evaluate.result.SampleReader;
import dev.millrace.jobs.evaluate.result.SampleResult;
import dev.millrace.jobs.evaluate.result.TaskResult;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A metric that is compiled here, packed into a jar, and found by nothing but the spec. */
class UserMetricTest {
  private static final String CLASS = "org.example.Shouting";
  private static final String SOURCE =
      """
      package org.example;

      import dev.millrace.jobs.evaluate.metric.JudgedSample;
      import dev.millrace.jobs.evaluate.metric.UserMetric;
      import java.util.Map;

      public final class Shouting implements UserMetric {
        @Override public String name() { return "length"; }
        @Override public double judge(JudgedSample sample, Map<String, Object> options) {
          return Counting.of(sample.answers().get(0)) / ((Number) options.get("per")).doubleValue();
        }
        @Override public boolean higherIsBetter() { return false; }

        /** In a class file of its own, which is loaded when it is first used. */
        static final class Counting {
          static int of(String text) { return text.length(); }
        }
      }
      """;

  @TempDir private Path folder;

  @BeforeEach
  void makeAJar() throws IOException {
    jar("metrics.jar", CLASS, SOURCE);
  }

  private void jar(String name, String className, String source) throws IOException {
    String path = className.replace('.', '/');
    Path java = folder.resolve("src/" + path + ".java");
    Files.createDirectories(java.getParent());
    Files.writeString(java, source);
    Path classes = Files.createDirectories(folder.resolve("classes-" + name));
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    int code =
        compiler.run(
            null,
            null,
            null,
            "-proc:none",
            "-cp",
            System.getProperty("java.class.path"),
            "-d",
            classes.toString(),
            java.toString());
    assertEquals(0, code, "the metric compiles against the program alone");
    Path made = folder.resolve(name);
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(made));
        var files = Files.walk(classes)) {
      out.putNextEntry(new JarEntry("META-INF/services/" + UserMetric.class.getName()));
      out.write(className.getBytes(StandardCharsets.UTF_8));
      for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
        out.putNextEntry(new JarEntry(classes.relativize(file).toString()));
        out.write(Files.readAllBytes(file));
      }
    }
  }

  private CommandLineRun evaluate(String jars, String metric, String... more) throws IOException {
    Path spec =
        Files.writeString(
            folder.resolve("own.yaml"),
            """
            name: own
            metric_jars: JARS
            suites:
              - name: s
                tasks:
                  - name: t
                    data: {path: PROMPTS, id: id, limit: 5}
                    prompt: "{{ prompt }}"
                    target: "{{ expected }}"
                    sampling: {max_tokens: 8}
                    metrics: [{service: {name: METRIC, per: 4}}, exact_match]
            """
                .replace("JARS", jars)
                .replace("METRIC", metric)
                .replace("PROMPTS", RepositoryFiles.sampleData("prompts.parquet").toString()));
    String[] arguments = new String[4 + more.length];
    List<String> first =
        List.of("evaluate", spec.toString(), "--output", folder.resolve("out").toString());
    System.arraycopy(first.toArray(), 0, arguments, 0, 4);
    System.arraycopy(more, 0, arguments, 4, more.length);
    return CommandLineRun.millrace(folder.resolve("cache"), arguments);
  }

  @Test
  void aMetricOfAJarThatTheSpecNamesJudgesEverySample() throws IOException {
    assertThrows(ClassNotFoundException.class, () -> Class.forName(CLASS));

    CommandLineRun run = evaluate("[metrics.jar]", "length");

    assertEquals(0, run.exitCode(), run.all());
    NightFolder night = EvaluationFolder.at(folder.resolve("out")).newestFinished().orElseThrow();
    TaskResult task = night.read().tasks().get(0);
    assertEquals("length", task.metric().name());
    assertFalse(task.metric().higherIsBetter());
    double sum = 0;
    try (SampleReader samples = night.samples(task)) {
      for (int i = 0; i < 5; i++) {
        SampleResult sample = samples.next();
        double expected = sample.answers().get(0).length() / 4.0;
        assertEquals(expected, sample.metrics().get("length"), sample.rowId());
        sum += expected;
      }
    }
    assertTrue(sum > 0);
    assertEquals(sum / 5, task.metric().score(), 1e-12);
  }

  @Test
  void whatCannotBeLoadedIsNamedBeforeAnythingIsComputed() throws IOException {
    CommandLineRun unknown = evaluate("[metrics.jar]", "lenght", "--check");
    assertEquals(2, unknown.exitCode(), unknown.all());
    assertTrue(unknown.err().contains("called 'lenght' in metric_jars"), unknown.err());
    assertTrue(unknown.err().contains("found [length]"), unknown.err());

    CommandLineRun absent = evaluate("[nowhere.jar]", "length", "--check");
    assertEquals(2, absent.exitCode(), absent.all());
    assertTrue(absent.err().contains("own.yaml, line 2"), absent.err());

    jar("twice.jar", "org.example.Again", SOURCE.replace("Shouting", "Again"));
    CommandLineRun twice = evaluate("[metrics.jar, twice.jar]", "length", "--check");
    assertEquals(2, twice.exitCode(), twice.all());
    assertTrue(twice.err().contains("one metric called 'length', found org.example."), twice.err());

    Path broken = folder.resolve("broken.jar");
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(broken))) {
      out.putNextEntry(new JarEntry("META-INF/services/" + UserMetric.class.getName()));
      out.write("org.example.NotThere".getBytes(StandardCharsets.UTF_8));
    }
    CommandLineRun missing = evaluate("[broken.jar]", "length", "--check");
    assertEquals(2, missing.exitCode(), missing.all());
    assertTrue(missing.err().contains("org.example.NotThere"), missing.err());
  }
}

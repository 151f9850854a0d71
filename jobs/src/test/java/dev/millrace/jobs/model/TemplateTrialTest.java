package dev.millrace.jobs.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.text.MalformedTokenizerException;
import dev.millrace.jobs.RepositoryFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TemplateTrialTest {
  private static final int VOCABULARY = 4096;

  @TempDir private Path folder;

  private void tokenizerWithTemplate(String template) throws IOException {
    Path model = RepositoryFiles.sampleData("models/tiny-qwen2.5");
    Files.copy(model.resolve("tokenizer.json"), folder.resolve("tokenizer.json"));
    Files.writeString(folder.resolve("chat_template.jinja"), template);
  }

  private List<String> tried() throws IOException {
    return new TemplateTrial().check(folder, VOCABULARY);
  }

  @Test
  void templateOfTheSampleModelTakesEverything() throws IOException {
    assertEquals(
        List.of(),
        new TemplateTrial().check(RepositoryFiles.sampleData("models/tiny-qwen2.5"), VOCABULARY));
  }

  @Test
  void templateThatTakesNoSystemMessageIsRemarkedOn() throws IOException {
    tokenizerWithTemplate(
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}"
            + "{% for m in messages %}{{ m['content'] }}{% endfor %}");

    List<String> remarks = tried();

    assertEquals(1, remarks.size(), remarks.toString());
    assertTrue(
        remarks.get(0).startsWith("Chat template: does not take a system message"), remarks.get(0));
    assertTrue(remarks.get(0).contains("no system here"), remarks.get(0));
  }

  @Test
  void templateThatIsBrokenStopsTheConversionWithItsPlace() throws IOException {
    tokenizerWithTemplate("{% for m in messages %}{{ m['content'] }}");

    MalformedTokenizerException failure =
        assertThrows(MalformedTokenizerException.class, this::tried);

    assertTrue(failure.getMessage().contains("line 1"), failure.getMessage());
  }

  @Test
  void tokenizerOfAnotherModelStopsTheConversion() throws IOException {
    tokenizerWithTemplate("{{ messages[0]['content'] }}");

    assertThrows(MalformedTokenizerException.class, () -> new TemplateTrial().check(folder, 17));
  }

  @Test
  void modelWithoutATokenizerIsLeftToTheConverter() throws IOException {
    assertEquals(List.of(), tried());
  }
}

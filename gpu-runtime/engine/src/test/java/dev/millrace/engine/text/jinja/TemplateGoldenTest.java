package dev.millrace.engine.text.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.engine.text.SampleData;
import dev.millrace.engine.text.jinja.value.DataValues;
import dev.millrace.engine.text.jinja.value.TemplateException;
import java.nio.file.Files;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Small templates against what Python's jinja2, set up as transformers does, rendered. */
final class TemplateGoldenTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final ZonedDateTime NOW =
      ZonedDateTime.of(2025, 3, 7, 14, 5, 9, 0, ZoneOffset.UTC);

  @Test
  void snippetsRenderOrFailAsInJinja2() throws Exception {
    Map<String, Object> variables = variables();
    List<JsonNode> cases = SampleData.lines("golden/jinja_snippets.jsonl");
    for (JsonNode golden : cases) {
      String source = golden.get("source").textValue();
      String rendered;
      try {
        rendered = Template.compile(source).render(variables, () -> NOW).text();
      } catch (TemplateSyntaxException | TemplateException e) {
        if (golden.get("error").isNull()) {
          fail(source, e);
        }
        continue;
      }
      assertEquals(golden.get("rendered").textValue(), rendered, source);
    }
    assertEquals(231, cases.size());
  }

  private static Map<String, Object> variables() throws Exception {
    Map<String, Object> plain =
        JSON.readValue(
            Files.readAllBytes(SampleData.path("golden/jinja_variables.json")),
            new TypeReference<HashMap<String, Object>>() {});
    Map<String, Object> variables = new HashMap<>();
    plain.forEach((name, value) -> variables.put(name, DataValues.of(value)));
    return variables;
  }
}

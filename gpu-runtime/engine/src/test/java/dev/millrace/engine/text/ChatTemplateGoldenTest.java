package dev.millrace.engine.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.api.request.RequestException;
import java.time.Clock;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Real templates against what Python's jinja2, set up as transformers does, rendered. */
final class ChatTemplateGoldenTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Whose templates are in sample-data; those of the other goldens may not be handed on. */
  private static final Set<String> TEMPLATES = Set.of("qwen2.5", "qwen3", "minimind");

  @Test
  void realTemplatesRenderAsJinja2Does() throws Exception {
    int checked = 0;
    for (JsonNode golden : SampleData.lines("golden/chat_templates.jsonl")) {
      if (!TEMPLATES.contains(golden.get("template").textValue())) {
        continue;
      }
      checked++;
      String where = golden.get("template").textValue() + " " + golden.get("case").textValue();
      ChatTemplate template = template(golden.get("template").textValue());
      Map<String, Object> variables =
          JSON.convertValue(golden.get("inputs"), new TypeReference<HashMap<String, Object>>() {});
      List<Map<String, Object>> messages =
          JSON.convertValue(variables.remove("messages"), new TypeReference<>() {});
      boolean addGenerationPrompt = (Boolean) variables.remove("add_generation_prompt");
      if (golden.get("error").isNull()) {
        assertEquals(
            golden.get("rendered").textValue(),
            template.renderData(messages, addGenerationPrompt, variables).text(),
            where);
      } else {
        assertThrows(
            RequestException.class,
            () -> template.renderData(messages, addGenerationPrompt, variables),
            where);
      }
    }
    assertEquals(24, checked);
  }

  private static ChatTemplate template(String name) throws Exception {
    TokenizerConfig config =
        TokenizerConfig.load(SampleData.path("tokenizers/" + name + "/tokenizer_config.json"));
    return ChatTemplate.compile(config.chatTemplates().get("default"), config, Clock.systemUTC());
  }
}

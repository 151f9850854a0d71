package dev.millrace.pipeline.host;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.api.request.ChatMessage;
import dev.millrace.api.request.Prompt;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Prompts as JSON: {@code {"text": ...}}, {@code {"messages": [{"role": ..., "content": ...}]}} or
 * {@code {"tokens": [...]}}.
 */
final class PromptJson {
  private static final ObjectMapper JSON = new ObjectMapper();

  private PromptJson() {}

  static String write(Prompt prompt) {
    ObjectNode json = JSON.createObjectNode();
    if (prompt instanceof Prompt.Text text) {
      json.put("text", text.text());
    } else if (prompt instanceof Prompt.Chat chat) {
      ArrayNode messages = json.putArray("messages");
      for (ChatMessage message : chat.messages()) {
        messages.addObject().put("role", message.role()).put("content", message.content());
      }
    } else {
      ArrayNode tokens = json.putArray("tokens");
      for (int token : ((Prompt.Tokens) prompt).tokenIds()) {
        tokens.add(token);
      }
    }
    return json.toString();
  }

  static Prompt read(String text) throws IOException {
    JsonNode json = JSON.readTree(text);
    if (json.has("text")) {
      return new Prompt.Text(json.get("text").textValue());
    }
    if (json.has("messages")) {
      List<ChatMessage> messages = new ArrayList<>();
      for (JsonNode message : json.get("messages")) {
        messages.add(
            new ChatMessage(message.get("role").textValue(), message.get("content").textValue()));
      }
      return new Prompt.Chat(messages);
    }
    JsonNode tokens = json.get("tokens");
    int[] ids = new int[tokens.size()];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = tokens.get(i).intValue();
    }
    return new Prompt.Tokens(ids);
  }
}

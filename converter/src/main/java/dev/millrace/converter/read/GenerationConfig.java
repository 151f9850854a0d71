package dev.millrace.converter.read;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.api.workspace.GenerationDefaults;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reads generation_config.json; token ids it lacks are taken from config.json. */
public final class GenerationConfig {
  private GenerationConfig() {}

  /** The defaults of a checkpoint. */
  public static GenerationDefaults read(Path folder, JsonFile config) throws IOException {
    return read(JsonFile.find(folder.resolve("generation_config.json")).orElse(config), config);
  }

  /** What config.json alone says. */
  public static GenerationDefaults of(JsonFile config) throws CheckpointException {
    return read(config, config);
  }

  private static GenerationDefaults read(JsonFile own, JsonFile config) throws CheckpointException {
    return new GenerationDefaults(
        tokenIds(own, config, "bos_token_id").stream().findFirst().orElse(null),
        tokenIds(own, config, "eos_token_id"),
        tokenIds(own, config, "pad_token_id").stream().findFirst().orElse(null),
        own.has("do_sample") ? own.findBoolean("do_sample", false) : null,
        own.findNumber("temperature"),
        own.has("top_k") ? own.findInt("top_k", 0) : null,
        own.findNumber("top_p"),
        own.findNumber("repetition_penalty"));
  }

  /** A number or an array of numbers. */
  private static List<Integer> tokenIds(JsonFile own, JsonFile config, String field)
      throws CheckpointException {
    JsonFile holder = own.has(field) ? own : config;
    List<Integer> ids = new ArrayList<>();
    if (holder.has(field)) {
      JsonNode value = holder.object().get(field);
      for (JsonNode id : value.isArray() ? value : List.of(value)) {
        if (id.isInt() && id.intValue() < 0 && !field.equals("eos_token_id")) {
          continue; // -1 stands for none
        }
        if (!id.isInt() || id.intValue() < 0) {
          throw new CheckpointException(
              holder.where(field), "token ids", id.toString(), "correct the file");
        }
        ids.add(id.intValue());
      }
    }
    return ids;
  }
}

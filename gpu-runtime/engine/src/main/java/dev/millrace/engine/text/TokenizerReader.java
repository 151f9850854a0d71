package dev.millrace.engine.text;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.millrace.engine.text.bpe.BytePairModel;
import dev.millrace.engine.text.bpe.MergeTable;
import dev.millrace.engine.text.bpe.Vocabulary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads {@code tokenizer.json} (format 1.0 of Hugging Face tokenizers). The vocabulary and the
 * merges are streamed, the rest is small and read as trees. Whatever the file asks for is done or
 * refused; only its {@code truncation} and {@code padding} are passed over, which transformers too
 * leaves to each call.
 */
final class TokenizerReader {
  private final Vocabulary.Builder vocabulary = new Vocabulary.Builder();
  private final List<MergeTable.Merge> merges = new ArrayList<>();
  private final Map<String, JsonNode> modelFields = new HashMap<>();
  private final Map<String, JsonNode> fields = new HashMap<>();

  private TokenizerReader() {}

  static TokenizerParts read(Path file, TokenizerConfig config) throws IOException {
    JsonFactory factory = new JsonFactory().disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES);
    byte[] bytes = Files.readAllBytes(file);
    try (JsonParser parser = factory.setCodec(new ObjectMapper()).createParser(bytes)) {
      TokenizerReader reader = new TokenizerReader();
      reader.parse(parser);
      return reader.build(config);
    } catch (JsonProcessingException e) {
      throw new MalformedTokenizerException(file.toString(), "not JSON: " + e.getMessage(), e);
    } catch (IllegalArgumentException e) {
      throw new MalformedTokenizerException(file.toString(), e.getMessage(), e);
    }
  }

  private void parse(JsonParser parser) throws IOException {
    if (parser.nextToken() != JsonToken.START_OBJECT) {
      throw new IllegalArgumentException("expected a JSON object, found " + parser.currentToken());
    }
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      parser.nextToken();
      if (name.equals("model") && parser.currentToken() == JsonToken.START_OBJECT) {
        parseModel(parser);
      } else {
        fields.put(name, parser.readValueAsTree());
      }
    }
    if (parser.nextToken() != null) {
      throw new IllegalArgumentException("expected the end of the file after its JSON object");
    }
  }

  private void parseModel(JsonParser parser) throws IOException {
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      JsonToken value = parser.nextToken();
      if (name.equals("vocab") && value == JsonToken.START_OBJECT) {
        parseVocabulary(parser);
      } else if (name.equals("merges") && value == JsonToken.START_ARRAY) {
        parseMerges(parser);
      } else {
        modelFields.put(name, parser.readValueAsTree());
      }
    }
  }

  private void parseVocabulary(JsonParser parser) throws IOException {
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String token = parser.currentName();
      if (parser.nextToken() != JsonToken.VALUE_NUMBER_INT) {
        throw new IllegalArgumentException(
            "model.vocab: expected an id for '" + token + "', found " + parser.currentToken());
      }
      vocabulary.add(token, parser.getLongValue());
    }
  }

  /** A merge is {@code "left right"} in older files, {@code ["left", "right"]} in newer ones. */
  private void parseMerges(JsonParser parser) throws IOException {
    for (JsonToken t = parser.nextToken(); t != JsonToken.END_ARRAY; t = parser.nextToken()) {
      if (t == JsonToken.VALUE_STRING) {
        String merge = parser.getText();
        int space = merge.indexOf(' ');
        if (space <= 0 || space == merge.length() - 1 || merge.indexOf(' ', space + 1) >= 0) {
          throw malformedMerge("'" + merge + "'");
        }
        addMerge(merge.substring(0, space), merge.substring(space + 1));
      } else if (t == JsonToken.START_ARRAY) {
        String left = parser.nextTextValue();
        String right = parser.nextTextValue();
        if (left == null || right == null || parser.nextToken() != JsonToken.END_ARRAY) {
          throw malformedMerge("an array of something else");
        }
        addMerge(left, right);
      } else {
        throw malformedMerge(String.valueOf(t));
      }
    }
  }

  private void addMerge(String left, String right) {
    merges.add(new MergeTable.Merge(left, right));
  }

  private IllegalArgumentException malformedMerge(String found) {
    return new IllegalArgumentException(
        "model.merges[" + merges.size() + "]: expected two tokens, found " + found);
  }

  private TokenizerParts build(TokenizerConfig config) {
    for (String field : fields.keySet()) {
      if (!TokenizerSections.KNOWN.contains(field)) {
        throw new IllegalArgumentException(
            "the field '"
                + field
                + "' is not supported (supported: "
                + TokenizerSections.KNOWN
                + ")");
      }
    }
    String version = field("version").asText("");
    if (!version.equals("1.0")) {
      throw new IllegalArgumentException("expected version 1.0, found '" + version + "'");
    }
    Vocabulary base = vocabulary.build();
    TokenizerSections sections = new TokenizerSections(fields);
    List<AddedToken> added = AddedTokenReader.read(field("added_tokens"), config, base);
    TokenTable tokens = new TokenTable(base, added);
    boolean byteLevel = sections.isByteLevel();
    BytePairModel model =
        new BytePairModel(
            TokenizerSections.modelSettings(modelFields, byteLevel),
            base,
            MergeTable.of(merges, base));
    BitSet special = new BitSet();
    added.stream().filter(AddedToken::special).forEach(t -> special.set(t.id()));
    PostProcessor post = PostProcessor.read(field("post_processor"), tokens).with(config, tokens);
    return new TokenizerParts(
        model,
        sections.normalizer(),
        sections.preTokenizer(),
        added,
        new TokenDecoder(sections.decoderRules(), tokens, special),
        tokens,
        post.prefix(),
        post.suffix());
  }

  private JsonNode field(String name) {
    return fields.getOrDefault(name, MissingNode.getInstance());
  }
}

package dev.millrace.engine.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A tokenizer file is carried out or refused, never half understood. */
final class TokenizerReaderTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;

  private static ObjectNode valid() throws IOException {
    return (ObjectNode)
        JSON.readTree(
            """
            {"version": "1.0", "truncation": null, "padding": null,
             "added_tokens": [{"id": 4, "content": "<s>", "special": true}],
             "normalizer": null,
             "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
             "post_processor": null,
             "decoder": {"type": "ByteLevel"},
             "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "Ġ": 3},
                       "merges": [["a", "b"]]}}
            """);
  }

  private Tokenizer load(JsonNode node, TokenizerConfig config) throws IOException {
    Path file = folder.resolve("tokenizer.json");
    Files.write(file, JSON.writeValueAsBytes(node));
    return Tokenizer.load(file, config);
  }

  @Test
  void validFileLoads() throws Exception {
    Tokenizer tokenizer = load(valid(), TokenizerConfig.EMPTY);

    assertArrayEquals(new int[] {2, 3, 2, 0}, tokenizer.encode("ab aba", false));
    assertEquals(5, tokenizer.vocabularySize());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "/version | \"2.0\" | version 1.0",
        "/new_section | {} | 'new_section'",
        "/model/type | \"WordPiece\" | WordPiece",
        "/model/dropout | 0.1 | dropout",
        "/model/end_of_word_suffix | \"</w>\" | end_of_word_suffix",
        "/model/unk_token | \"nope\" | 'nope'",
        "/model/new_field | 1 | 'new_field'",
        "/model/vocab | {\"a\": 0, \"b\": 0} | share the id 0",
        "/model/vocab | {\"a\": -1} | found -1",
        "/model/vocab | {\"a\": \"0\"} | 'a'",
        "/model/merges | [\"a b c\"] | 'a b c'",
        "/model/merges | [[\"a\"]] | two tokens",
        "/model/merges | [\"a x\"] | 'x'",
        "/normalizer | {\"type\": \"BertNormalizer\"} | BertNormalizer",
        "/normalizer | {\"type\": \"NFC\", \"x\": 1} | 'x'",
        "/pre_tokenizer | {\"type\": \"Whitespace\"} | Whitespace",
        "/pre_tokenizer | null | decoder",
        "/pre_tokenizer/trim | true | 'trim'",
        "/post_processor | {\"type\": \"BertProcessing\"} | BertProcessing",
        "/decoder | {\"type\": \"WordPiece\"} | WordPiece",
        "/decoder | null | decoder",
        "/added_tokens | [{\"id\": 1, \"content\": \"<s>\"}] | belongs to 'b'",
        "/added_tokens | [{\"id\": 9, \"content\": \"a\"}] | the vocabulary gives it 0",
        "/added_tokens | [{\"id\": 4, \"content\": \"\"}] | no content",
        "/added_tokens | [{\"id\": 4, \"content\": \"x\", \"color\": 1}] | 'color'",
      })
  void whatIsNotSupportedIsNamed(String pointer, String value, String named) throws Exception {
    ObjectNode node = valid();
    int slash = pointer.lastIndexOf('/');
    ObjectNode parent = (ObjectNode) node.at(pointer.substring(0, slash));
    parent.set(pointer.substring(slash + 1), JSON.readTree(value));

    MalformedTokenizerException e =
        assertThrows(MalformedTokenizerException.class, () -> load(node, TokenizerConfig.EMPTY));

    assertTrue(e.getMessage().contains(named), e.getMessage());
    assertTrue(e.getMessage().contains("tokenizer.json"), e.getMessage());
  }

  @Test
  void brokenJsonIsRefused() throws Exception {
    Path file = folder.resolve("tokenizer.json");
    for (String text : new String[] {"", "[]", "{\"version\": ", "{} {}", "nonsense"}) {
      Files.writeString(file, text);
      assertThrows(MalformedTokenizerException.class, () -> Tokenizer.load(file), text);
    }
  }

  @Test
  void tokensListedTwiceAreRefused() throws Exception {
    Path file = folder.resolve("tokenizer.json");
    Files.writeString(file, JSON.writeValueAsString(valid()).replace("\"b\":1", "\"a\":1"));

    assertThrows(MalformedTokenizerException.class, () -> Tokenizer.load(file));
  }

  @Test
  void configAddsTokensAndOverridesTheBeginningOfText() throws Exception {
    Path file = folder.resolve("tokenizer_config.json");
    Files.writeString(
        file,
        """
        {"add_bos_token": true, "bos_token": {"content": "<s>"}, "eos_token": "b",
         "added_tokens_decoder": {"4": {"content": "<s>", "special": true},
                                  "5": {"content": "<x>", "special": false}}}
        """);
    Tokenizer tokenizer = load(valid(), TokenizerConfig.load(file));

    assertArrayEquals(new int[] {4, 2}, tokenizer.withModelTokens(tokenizer.encode("ab", false)));
    assertArrayEquals(new int[] {5}, tokenizer.encode("<x>", true));
    assertTrue(tokenizer.isSpecial(1), "a special token of the config that is a plain entry");
  }

  @Test
  void beginningOfTextThatIsNotInTheVocabularyIsRefused() throws Exception {
    Path file = folder.resolve("tokenizer_config.json");
    Files.writeString(file, "{\"add_bos_token\": true, \"bos_token\": \"<bos>\"}");
    TokenizerConfig config = TokenizerConfig.load(file);

    MalformedTokenizerException e =
        assertThrows(MalformedTokenizerException.class, () -> load(valid(), config));
    assertTrue(e.getMessage().contains("'<bos>'"), e.getMessage());
  }

  @Test
  void postProcessorPutsItsTokensAround() throws Exception {
    ObjectNode node = valid();
    node.set(
        "post_processor",
        JSON.readTree(
            """
            {"type": "Sequence", "processors": [{"type": "ByteLevel"}, {"type": "TemplateProcessing",
             "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                        {"Sequence": {"id": "A", "type_id": 0}},
                        {"SpecialToken": {"id": "b", "type_id": 0}}],
             "special_tokens": {"<s>": {"ids": [4]}, "b": {"ids": [1]}}}]}
            """));
    Tokenizer tokenizer = load(node, TokenizerConfig.EMPTY);

    assertArrayEquals(new int[] {4, 0, 1}, tokenizer.withModelTokens(new int[] {0}));
  }
}

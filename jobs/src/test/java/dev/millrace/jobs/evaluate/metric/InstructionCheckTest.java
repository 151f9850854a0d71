package dev.millrace.jobs.evaluate.metric;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class InstructionCheckTest {

  /** The cases were written by {@code recompute.py}, which checks in Python. */
  @Test
  void everyInstructionIsJudgedAsThePythonProgramJudgesIt() throws IOException {
    ObjectMapper json = new ObjectMapper();
    List<String> differences = new ArrayList<>();
    Set<String> kinds = new HashSet<>();
    int cases = 0;
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(
                InstructionCheckTest.class.getResourceAsStream("/evaluate/ifeval-cases.jsonl"),
                StandardCharsets.UTF_8))) {
      String line;
      while ((line = in.readLine()) != null) {
        JsonNode row = json.readTree(line);
        String text = row.get("text").asText();
        String id = row.get("id").asText();
        Map<?, ?> arguments = json.convertValue(row.get("kwargs"), Map.class);
        boolean follows = !text.isBlank() && InstructionCheck.of(id, arguments).follows(text);
        for (Object argument : arguments == null ? Set.of() : arguments.keySet()) {
          Map<Object, Object> others = new HashMap<>(arguments);
          others.remove(argument);
          assertRefused(id, others, argument);
        }
        if (follows != row.get("follows").asBoolean()) {
          differences.add(line);
        }
        kinds.add(id);
        cases++;
      }
    }
    assertEquals(List.of(), differences);
    assertTrue(cases > 1500 && kinds.size() >= 20, cases + " cases of " + kinds.size() + " kinds");
  }

  @ParameterizedTest
  @CsvSource({"num_paragraphs", "nth_paragraph", "first_word"})
  void anArgumentThatOnlySomeAnswersNeedIsMissedAtOnce(String argument) {
    Map<String, Object> arguments =
        new HashMap<>(Map.of("num_paragraphs", 2, "nth_paragraph", 1, "first_word", "so"));
    arguments.put(argument, null); // as Parquet has it

    assertRefused("length_constraints:nth_paragraph_first_word", arguments, argument);
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '"',
      textBlock =
          """
          num_words, length_constraints:number_words, many, a whole number
          num_words, length_constraints:number_words, 2.5, a whole number
          relation, length_constraints:number_words, about, 'less than' or 'at least'
          forbidden_words, keywords:forbidden_words, no, a list of texts
          letter, keywords:letter_frequency, 7, a text that is not empty
          letter, keywords:letter_frequency, "", a text that is not empty
          """)
  void anArgumentOfAnotherTypeIsRefusedAtOnce(
      String argument, String id, String value, String expected) {
    Map<String, Object> arguments =
        new HashMap<>(Map.of("relation", "at least", "num_words", 2, "let_frequency", 1));
    arguments.put("let_relation", "less than");
    Object typed = value.matches("[0-9.]+") ? Double.valueOf(value) : value;
    arguments.put(argument, typed);

    IllegalArgumentException refusal =
        assertThrows(IllegalArgumentException.class, () -> InstructionCheck.of(id, arguments));

    assertEquals(
        "ifeval: instruction '%s' expects %s as its argument '%s' in kwargs, found %s"
            .formatted(id, expected, argument, typed),
        refusal.getMessage());
  }

  @Test
  void aWholeNumberMayBeOfAnyType() {
    for (Object two : List.of(2, 2L, 2.0)) {
      Map<String, Object> arguments = Map.of("relation", "at least", "num_words", two);
      assertTrue(InstructionCheck.of("length_constraints:number_words", arguments).follows("a b"));
    }
  }

  private static void assertRefused(String id, Map<?, ?> arguments, Object missing) {
    IllegalArgumentException refusal =
        assertThrows(
            IllegalArgumentException.class,
            () -> InstructionCheck.of(id, arguments),
            () -> id + " without " + missing);
    assertEquals(
        "ifeval: instruction '" + id + "' lacks its argument '" + missing + "' in kwargs",
        refusal.getMessage());
  }

  @ParameterizedTest
  @CsvSource({
    "en, The cat is on the mat and it sleeps",
    "de, Der Hund und die Katze sind nicht auf dem Tisch",
    "pt, Não é para os que não são do sul",
    "vi, Tôi không có một người bạn trong những ngày này",
    "sw, Watu wa hapa ni wazuri sana na wanapenda kazi yake",
    "ru, Это как раз то что он не был на море",
    "bg, Това е в града и не може да се види от тях",
    "hi, यह एक किताब है और वह मेरी है",
    "mr, हे एक पुस्तक आहे आणि ते माझे आहे",
    "ur, یہ ایک کتاب ہے اور میں اس کے لیے",
    "fa, این یک کتاب است که من با آن",
    "ar, هذا هو الكتاب الذي كان في البيت من قبل",
    "ko, 이것은 책입니다",
    "th, นี่คือหนังสือ",
    "und, 12 + 30 = 42"
  })
  void languagesOfWholeSentencesAreTold(String language, String text) {
    assertEquals(language, LanguageGuess.of(text));
  }
}

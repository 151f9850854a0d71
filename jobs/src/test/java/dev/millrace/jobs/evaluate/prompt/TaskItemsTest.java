package dev.millrace.jobs.evaluate.prompt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.request.Prompt;
import dev.millrace.jobs.evaluate.request.ModelRequest;
import dev.millrace.jobs.evaluate.spec.EvaluationSpecReader;
import dev.millrace.jobs.evaluate.spec.TaskSpec;
import dev.millrace.jobs.outcome.CommandException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TaskItemsTest {
  private static final int ROWS = 13;

  @TempDir private Path folder;

  @BeforeEach
  void writeRows() throws IOException {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < ROWS; i++) {
      rows.append(
          "{\"id\": \"r%d\", \"q\": \"Q%d?\", \"a\": \"A%d\", \"c\": [\"x\", \"2\"]}%n"
              .formatted(i, i, i));
    }
    Files.writeString(folder.resolve("rows.jsonl"), rows.toString());
  }

  private List<Item> items(String task) {
    String yaml =
        "name: n\nsuites: [{name: s, tasks: [{name: t, data: {path: rows.jsonl, id: id}, "
            + task
            + "}]}]";
    TaskSpec spec =
        EvaluationSpecReader.parse(yaml, "n.yaml", folder).suites().get(0).tasks().get(0);
    List<Item> items = new ArrayList<>();
    TaskItems.open(spec, 5, null).forEach(items::add);
    return items;
  }

  @ParameterizedTest
  @ValueSource(strings = {"first", "shared", "per_row"})
  void noRowIsShownItsOwnAnswer(String draw) {
    List<Item> items =
        items(
            "prompt: '{{ q }}', target: '{{ a }}', chat: false, few_shot: {k: 5, draw: %s}"
                .formatted(draw));

    assertEquals(ROWS, items.size());
    Set<String> beginnings = new HashSet<>();
    for (Item item : items) {
      assertFalse(item.prompt().contains(item.target() + "\n"), item.prompt());
      assertTrue(item.prompt().endsWith("\n\n" + item.row().values().get("q")), item.prompt());
      assertEquals(5, item.prompt().split("\n\n", -1).length - 1);
      beginnings.add(item.prompt().split("\n\n", 2)[0]);
    }
    assertEquals(draw.equals("per_row"), beginnings.size() > 2, draw + ": " + beginnings);
    assertEquals(
        items.get(3).prompt(),
        items(
                "prompt: '{{ q }}', target: '{{ a }}', chat: false, few_shot: {k: 5, draw: %s}"
                    .formatted(draw))
            .get(3)
            .prompt());
  }

  @Test
  void anEqualQuestionFromAnotherFileIsNoExampleEither() throws IOException {
    Files.copy(folder.resolve("rows.jsonl"), folder.resolve("train.jsonl"));

    for (Item item :
        items(
            "prompt: '{{ q }}', target: '{{ a }}', chat: false, few_shot: {k: 12, data: {path: train.jsonl}}")) {
      assertFalse(item.prompt().contains(item.target() + "\n"), item.prompt());
    }
    String said =
        assertThrows(
                CommandException.class,
                () -> items("prompt: '{{ q }}', target: '{{ a }}', few_shot: {k: 13}"))
            .getMessage();
    assertTrue(said.contains("expected 13 examples beside row r0, found 12"), said);
  }

  @Test
  void repeatsHaveSeedsOfTheirOwnThatDependOnNamesAlone() {
    List<Item> items = items("prompt: '{{ q }}', repeats: 2, sampling: {temperature: 1}");
    List<Item> again = items("prompt: '{{ q }}', repeats: 2, sampling: {temperature: 1}");

    assertEquals(2 * ROWS, items.size());
    assertNotEquals(items.get(0).seed(), items.get(1).seed());
    assertEquals(items.get(7).seed(), again.get(7).seed());
    assertEquals(items.get(7).requests().get(0).key("m"), again.get(7).requests().get(0).key("m"));
    assertNotEquals(
        items.get(7).requests().get(0).key("m"), items.get(7).requests().get(0).key("o"));
  }

  @Test
  void choicesTakeTheSpaceBeforeThem() {
    Item item =
        items(
                "request: multiple_choice, prompt: '{{ q }} ', choices: {column: c, delimiter: '', answer: '2', by: text}")
            .get(0);

    assertEquals(List.of(" x", " 2"), item.choices());
    assertEquals(List.of(1, 1), item.choiceBytes());
    assertEquals(1, item.targetIndex());
    assertEquals("2", item.target());
  }

  private List<Item> ready(String name, String... rows) throws IOException {
    Files.write(folder.resolve("ready.jsonl"), List.of(rows));
    String yaml =
        "name: n\nsuites: [{name: s, tasks: [{use: " + name + ", data: {path: ready.jsonl}}]}]";
    List<Item> items = new ArrayList<>();
    TaskItems.open(
            EvaluationSpecReader.parse(yaml, "n.yaml", folder).suites().get(0).tasks().get(0),
            5,
            null)
        .forEach(items::add);
    return items;
  }

  private static String asked(Item item, int choice) {
    ModelRequest request = item.requests().get(choice);
    return ((Prompt.Text) request.prompt()).text() + "|" + request.continuation();
  }

  @Test
  void winograndeScoresWhatFollowsTheBlankAfterEachName() throws IOException {
    String form =
        "{\"instruction\": \"Please choose the correct answer to fill in the blank to complete the"
            + " given sentence: %s\\n\\nOption1: Sarah Option2: Maria Jones Answer format:"
            + " option1/option2\", \"answer\": \"option2\"}";
    List<Item> items =
        ready(
            "winogrande",
            form.formatted("Sarah was better than Maria so _ always got the easier cases."),
            form.formatted("The _ 's house is big."));

    Item item = items.get(0);
    assertEquals(
        "Sarah was better than Maria so Sarah| always got the easier cases.", asked(item, 0));
    assertEquals(
        "Sarah was better than Maria so Maria Jones| always got the easier cases.", asked(item, 1));
    assertEquals(1, item.targetIndex());
    assertEquals("Maria Jones always got the easier cases.", item.choices().get(1));
    assertEquals("The Sarah| 's house is big.", asked(items.get(1), 0));
  }

  @Test
  void boolqIsAskedWithItsPassageAsTheFieldDoes() throws IOException {
    Item item =
        ready(
                "boolq_passage",
                "{\"question\": \"is it wet\", \"passage\": \"Water is wet.\", \"answer\": true}")
            .get(0);

    assertEquals("Water is wet.\nQuestion: is it wet?\nAnswer:| no", asked(item, 0));
    assertEquals("Water is wet.\nQuestion: is it wet?\nAnswer:| yes", asked(item, 1));
    assertEquals(1, item.targetIndex());
    assertEquals("Water is wet.", item.cluster());
  }

  @Test
  void examplesOfChoicesInTheQuestionShowTheRightOneInIt() {
    Item item =
        items(
                "request: multiple_choice, prompt: '{{ q }}', choices: {column: c, answer: '2', by: text,"
                    + " context: '{{ q }} {{ choice }}', continuation: '{{ a }}'}, few_shot: {k: 1, draw: first}")
            .get(0);

    assertEquals("Q1? 2 A1\n\nQ0? x| A0", asked(item, 0));
  }

  @Test
  void aChoiceThatIsNotThereIsNamedWithItsRow() {
    String said =
        assertThrows(
                CommandException.class,
                () ->
                    items(
                        "request: multiple_choice, prompt: '{{ q }}', choices: {column: c, answer: '2'}"))
            .getMessage();

    assertTrue(said.contains("expected the index of one of 2 choices, found '2' in row r0"), said);
  }

  @Test
  void aMistypedColumnIsRefusedWithTheOneMeant() {
    CommandException refused =
        assertThrows(CommandException.class, () -> items("prompt: '{{ qq }}'"));

    assertTrue(refused.getMessage().contains("expected a column 'qq', found none (n.yaml, line 2"));
    assertEquals("Did you mean 'q'?", refused.remedy());
  }
}

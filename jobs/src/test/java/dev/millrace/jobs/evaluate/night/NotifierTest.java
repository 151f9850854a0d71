package dev.millrace.jobs.evaluate.night;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import dev.millrace.jobs.outcome.ExitCode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NotifierTest {
  @TempDir private Path folder;
  private final List<String> bodies = new CopyOnWriteArrayList<>();
  private final AtomicInteger failuresLeft = new AtomicInteger();
  private HttpServer server;
  private NightFixture fixture;

  @BeforeEach
  void startAServer() throws IOException {
    fixture = new NightFixture(folder);
    fixture.nextNight();
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/hook",
        exchange -> {
          String body =
              new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
          boolean fail = failuresLeft.getAndDecrement() > 0;
          if (!fail) {
            bodies.add(body);
          }
          exchange.sendResponseHeaders(fail ? 503 : 204, -1);
          exchange.close();
        });
    server.start();
    fixture.recipients = List.of(hook());
  }

  @AfterEach
  void stopTheServer() {
    server.stop(0);
  }

  private Webhook hook() {
    return Webhook.parse(
        "http://127.0.0.1:" + server.getAddress().getPort() + "/hook?token=s3cret");
  }

  @Test
  void aWebhookGetsTheVerdictAsJson() throws IOException {
    assertEquals(ExitCode.GATE_FAILED, fixture.run("FAIL"));

    JsonNode body = new ObjectMapper().readTree(bodies.get(0));
    assertEquals("nightly 2026-11-25: FAIL. It was FAIL.", body.path("text").asText());
    assertEquals(5, body.path("exit_code").asInt());
    assertEquals("gsm8k", body.at("/tasks/0/task").asText());
    assertEquals(0.5, body.at("/tasks/0/score").asDouble());
    assertTrue(body.path("report").asText().endsWith("nights/2026-11-25/report.html"));
    assertTrue(fixture.entry("2026-11-25").notices().get(0).delivered());
  }

  @Test
  void aWebhookThatFailsForAMomentIsTriedAgainWithGrowingPauses() throws IOException {
    failuresLeft.set(3);

    assertEquals(ExitCode.DONE, fixture.run("PASS"));

    assertEquals(1, bodies.size());
    assertEquals(
        List.of(Duration.ofSeconds(2), Duration.ofSeconds(8), Duration.ofSeconds(32)),
        fixture.pauses);
    assertEquals(4, fixture.entry("2026-11-25").notices().get(0).tries());
  }

  @Test
  void aWebhookThatStaysDownChangesNoVerdictAndHearsOfItTheNextNight() throws IOException {
    failuresLeft.set(1000);

    assertEquals(ExitCode.GATE_FAILED, fixture.run("FAIL"));

    NightEntry night = fixture.entry("2026-11-25");
    assertEquals("FAIL", night.verdict().orElseThrow().verdict());
    assertFalse(night.notices().get(0).delivered());
    assertTrue(fixture.told().contains("Not told: 1: http://127.0.0.1"), fixture.told());
    assertFalse(fixture.told().contains("s3cret"), fixture.told());
    assertFalse(
        Files.readString(fixture.root.resolve("nights/2026-11-25/run.json")).contains("s3"));
    failuresLeft.set(0);
    fixture.nextNight();
    assertEquals(ExitCode.DONE, fixture.run("PASS"));
    assertEquals(2, bodies.size());
    assertTrue(bodies.get(0).contains("2026-11-25"), bodies.get(0));
    assertTrue(bodies.get(1).contains("2026-11-26"), bodies.get(1));
  }

  @Test
  void aWebhookThatIsDownHoldsUpLaterNightsByOneTryOnly() {
    failuresLeft.set(1000);
    fixture.run("FAIL");
    fixture.nextNight();
    fixture.pauses.clear();

    fixture.run("PASS");

    assertEquals(3, fixture.pauses.size(), "only tonight's verdict is tried with pauses");
  }

  @Test
  void anAddressThatCannotBeCalledChangesNoVerdict() throws IOException {
    fixture.recipients = List.of(Webhook.parse("http://127.0.0.1:99999/s3cret"));

    assertEquals(ExitCode.GATE_FAILED, fixture.run("FAIL"));

    assertFalse(fixture.entry("2026-11-25").notices().get(0).delivered());
  }

  @Test
  void nobodyListeningIsTheSameAsAFailure() throws IOException {
    server.stop(0);

    assertEquals(ExitCode.GATE_FAILED, fixture.run("FAIL"));

    assertEquals("FAIL", fixture.entry("2026-11-25").verdict().orElseThrow().verdict());
  }

  @Test
  void oneThatFailsHoldsUpNoOther() throws IOException {
    Path heard = folder.resolve("heard");
    fixture.recipients =
        List.of(
            new UserCommand("exit 3", Duration.ofSeconds(60)),
            new UserCommand(
                "cat > " + heard + "; echo $MILLRACE_VERDICT $MILLRACE_EXIT_CODE >> " + heard,
                Duration.ofSeconds(60)));

    assertEquals(ExitCode.GATE_FAILED, fixture.run("FAIL"));

    String text = Files.readString(heard);
    assertTrue(text.startsWith("{\"version\":1,\"text\":\"nightly 2026-11-25: FAIL"), text);
    assertTrue(text.endsWith("}FAIL 5\n"), text);
    assertTrue(fixture.told().contains("expected exit code 0, found 3"), fixture.told());
  }

  @Test
  void aCommandThatHangsIsEnded() throws IOException {
    fixture.recipients = List.of(new UserCommand("sleep 600 & wait", Duration.ofMillis(200)));

    assertEquals(ExitCode.DONE, fixture.run("PASS"));

    assertTrue(fixture.told().contains("expected it to end within"), fixture.told());
  }

  @Test
  void problemsOnlyTellsNobodyOfAPass() throws IOException {
    fixture.problemsOnly = true;
    fixture.run("PASS");
    assertEquals(List.of(), bodies);
    fixture.nextNight();

    fixture.run("WARN");

    assertEquals(1, bodies.size());
  }

  @Test
  void theVerdictOfAnEvaluationThatCannotRunIsTold() throws IOException {
    assertThrows(
        RuntimeException.class,
        () ->
            fixture.run(
                night -> {
                  throw dev.millrace.jobs.outcome.CommandException.usage("unknown key 'x'", "");
                }));

    assertTrue(bodies.get(0).contains("\"verdict\":\"ERROR\""), bodies.get(0));
    assertTrue(bodies.get(0).contains("unknown key 'x'"), bodies.get(0));
  }

  @Test
  void anAddressThatIsNoneIsRefusedWithoutRepeatingIt() {
    for (String address :
        List.of("ftp://x/s3cret", "s3cret", "http://h/a b s3cret", "file:///s3")) {
      String message =
          assertThrows(IllegalArgumentException.class, () -> Webhook.parse(address)).getMessage();
      assertTrue(message.startsWith("expected a webhook"), message);
      assertFalse(message.contains("s3"), message);
    }
  }
}

package dev.millrace.jobs.evaluate.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A headless Chromium with one page, driven by the DevTools protocol. Everything that the page asks
 * of a network, logs or throws is kept.
 */
final class Browser implements AutoCloseable {
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final int SECONDS = 60;

  final List<String> requests = new CopyOnWriteArrayList<>();
  final List<String> complaints = new CopyOnWriteArrayList<>();

  private final Process process;
  private final WebSocket socket;
  private final Map<Integer, CompletableFuture<JsonNode>> waiting = new ConcurrentHashMap<>();
  private String session;
  private int last;

  private Browser(Process process, URI address) {
    this.process = process;
    this.socket =
        HttpClient.newHttpClient().newWebSocketBuilder().buildAsync(address, new Ear()).join();
  }

  /** The browser on this machine, if there is one. */
  static Optional<Path> find() {
    String[] folders = System.getenv().getOrDefault("PATH", "").split(":", -1);
    return Stream.of("chromium", "chromium-browser", "google-chrome")
        .flatMap(name -> Arrays.stream(folders).map(folder -> Path.of(folder, name)))
        .filter(Files::isExecutable)
        .findFirst();
  }

  static Browser open(Path program, Path profile) throws Exception {
    Process process =
        new ProcessBuilder(
                program.toString(),
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--hide-scrollbars",
                "--remote-debugging-port=0",
                "--user-data-dir=" + profile,
                "about:blank")
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    Path port = profile.resolve("DevToolsActivePort");
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
    while (!Files.exists(port) || Files.readAllLines(port).size() < 2) {
      if (System.nanoTime() > end || !process.isAlive()) {
        process.destroyForcibly();
        throw new IOException("the browser did not start");
      }
      Thread.sleep(50);
    }
    List<String> lines = Files.readAllLines(port);
    Browser browser =
        new Browser(process, URI.create("ws://127.0.0.1:" + lines.get(0) + lines.get(1)));
    JsonNode target = browser.call("Target.createTarget", "url", "about:blank");
    JsonNode attached =
        browser.call(
            "Target.attachToTarget", "targetId", target.path("targetId").asText(), "flatten", true);
    browser.session = attached.path("sessionId").asText();
    for (String domain : List.of("Page", "Runtime", "Network", "Log")) {
      browser.call(domain + ".enable");
    }
    return browser;
  }

  /** Calls a method; arguments are names and values in turn. */
  JsonNode call(String method, Object... arguments) throws Exception {
    ObjectNode message = MAPPER.createObjectNode();
    int id = ++last;
    message.put("id", id).put("method", method);
    if (session != null) {
      message.put("sessionId", session);
    }
    ObjectNode parameters = message.putObject("params");
    for (int i = 0; i < arguments.length; i += 2) {
      parameters.set((String) arguments[i], MAPPER.valueToTree(arguments[i + 1]));
    }
    CompletableFuture<JsonNode> answer = new CompletableFuture<>();
    waiting.put(id, answer);
    socket.sendText(message.toString(), true).join();
    JsonNode reply = answer.get(SECONDS, TimeUnit.SECONDS);
    if (reply.has("error")) {
      throw new IOException(method + ": " + reply.path("error"));
    }
    return reply.path("result");
  }

  /** Shows a page at a size, in a colour scheme, and waits until it has loaded. */
  void show(Path page, int width, int height, String scheme) throws Exception {
    requests.clear();
    complaints.clear();
    call(
        "Emulation.setDeviceMetricsOverride",
        "width",
        width,
        "height",
        height,
        "deviceScaleFactor",
        1,
        "mobile",
        width < 600);
    call(
        "Emulation.setEmulatedMedia",
        "features",
        List.of(Map.of("name", "prefers-color-scheme", "value", scheme)));
    call("Page.navigate", "url", page.toUri().toString());
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
    String name = page.getFileName().toString();
    while (!evaluate("document.readyState + ' ' + location.pathname.endsWith('" + name + "')")
        .asText()
        .equals("complete true")) {
      if (System.nanoTime() > end) {
        throw new IOException("the page did not load: " + page);
      }
      Thread.sleep(20);
    }
  }

  /** The value of an expression in the page. */
  JsonNode evaluate(String expression) throws Exception {
    JsonNode result =
        call(
            "Runtime.evaluate",
            "expression",
            expression,
            "returnByValue",
            true,
            "awaitPromise",
            true);
    if (result.has("exceptionDetails")) {
      throw new IOException(result.path("exceptionDetails").toString());
    }
    return result.path("result").path("value");
  }

  void screenshot(Path file, boolean whole) throws Exception {
    JsonNode image =
        call("Page.captureScreenshot", "format", "png", "captureBeyondViewport", whole);
    Files.write(file, Base64.getDecoder().decode(image.path("data").asText()));
  }

  byte[] pdf() throws Exception {
    JsonNode printed = call("Page.printToPDF", "printBackground", true, "paperWidth", 8.27);
    return Base64.getDecoder().decode(printed.path("data").asText());
  }

  @Override
  public void close() {
    socket.abort();
    // its children write into the profile until they too are gone
    List<ProcessHandle> all = new ArrayList<>(process.descendants().toList());
    all.add(process.toHandle());
    all.forEach(ProcessHandle::destroyForcibly);
    all.forEach(each -> each.onExit().orTimeout(10, TimeUnit.SECONDS).join());
  }

  /** Hears replies and events; messages come in pieces. */
  private final class Ear implements WebSocket.Listener {
    private final StringBuilder text = new StringBuilder();

    @Override
    public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean whole) {
      text.append(data);
      if (whole) {
        hear(text.toString());
        text.setLength(0);
      }
      from.request(1);
      return null;
    }

    private void hear(String json) {
      try {
        JsonNode message = MAPPER.readTree(json);
        if (message.has("id")) {
          CompletableFuture<JsonNode> answer = waiting.remove(message.path("id").asInt());
          if (answer != null) {
            answer.complete(message);
          }
          return;
        }
        switch (message.path("method").asText()) {
          case "Network.requestWillBeSent" ->
              requests.add(message.at("/params/request/url").asText());
          case "Log.entryAdded" -> complaints.add(message.at("/params/entry/text").asText());
          case "Page.javascriptDialogOpening" -> complaints.add(message.path("params").toString());
          case "Runtime.exceptionThrown" -> complaints.add(message.path("params").toString());
          default -> {
            // events that nobody asks for
          }
        }
      } catch (IOException e) {
        complaints.add("unreadable message: " + e.getMessage());
      }
    }
  }
}

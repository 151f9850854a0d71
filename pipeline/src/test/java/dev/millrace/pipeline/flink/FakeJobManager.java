package dev.millrace.pipeline.flink;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;

/** Somebody who answers like a JobManager of Flink 1.19.3, and 404 to what it was not told of. */
public final class FakeJobManager implements AutoCloseable {
  public static final String JOB = "7cc8d21f8a9ca9ffaee24cdc1a62b739";
  public static final String NAME = "night";

  private final HttpServer server;
  private final Map<String, Queue<Answer>> answers = new ConcurrentHashMap<>();

  private record Answer(int status, String body) {}

  public FakeJobManager() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::answer);
    server.start();
  }

  public String master() {
    return "127.0.0.1:" + server.getAddress().getPort();
  }

  /**
   * The next answer to a request; the last one stays. {@code '} stands for {@code "}.
   *
   * @param request method and path
   */
  public FakeJobManager answer(String request, int status, String body) {
    answers
        .computeIfAbsent(request, key -> new ConcurrentLinkedQueue<>())
        .add(new Answer(status, body.replace('\'', '"')));
    return this;
  }

  /** It has the job, in states one after the other. */
  public FakeJobManager job(String... states) {
    answer("GET /jobs/overview", 200, "{'jobs':[{'jid':'" + JOB + "','name':'" + NAME + "'}]}");
    for (String state : states) {
      answer("GET /jobs/" + JOB + "/status", 200, "{'status':'" + state + "'}");
    }
    return this;
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      String request = exchange.getRequestMethod() + " " + exchange.getRequestURI().getPath();
      Queue<Answer> left = answers.get(request);
      if (left == null) {
        exchange.sendResponseHeaders(404, -1);
        return;
      }
      Answer answer = left.size() > 1 ? left.remove() : left.element();
      byte[] bytes = answer.body().getBytes(StandardCharsets.UTF_8);
      exchange.sendResponseHeaders(answer.status(), bytes.length);
      exchange.getResponseBody().write(bytes);
    }
  }

  @Override
  public void close() {
    server.stop(0);
  }
}

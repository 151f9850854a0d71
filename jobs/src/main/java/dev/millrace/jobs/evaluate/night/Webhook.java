package dev.millrace.jobs.evaluate.night;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Locale;

/**
 * An address that gets the verdict as a POST of JSON. Redirects are not followed. Only scheme, host
 * and port are ever shown: paths of webhooks are secrets.
 */
final class Webhook implements Recipient {
  private static final Duration CONNECT_MAX = Duration.ofSeconds(10);
  private static final Duration REQUEST_MAX = Duration.ofSeconds(30);
  private static final int TRIES = 4;

  private final URI address;

  private Webhook(URI address) {
    this.address = address;
  }

  /**
   * Reads an address.
   *
   * @throws IllegalArgumentException if it is not one of http or https; does not repeat it
   */
  static Webhook parse(String text) {
    try {
      URI address = new URI(text.strip());
      String scheme = String.valueOf(address.getScheme()).toLowerCase(Locale.ROOT);
      if (address.getHost() == null || !(scheme.equals("http") || scheme.equals("https"))) {
        throw new IllegalArgumentException(
            "expected a webhook such as https://host/path, found another kind of address");
      }
      return new Webhook(address);
    } catch (URISyntaxException e) {
      // the cause would repeat the address, which may hold a secret
      throw new IllegalArgumentException(
          "expected a webhook such as https://host/path, found no valid address (at character "
              + e.getIndex()
              + ")");
    }
  }

  @Override
  public String name() {
    String port = address.getPort() < 0 ? "" : ":" + address.getPort();
    return address.getScheme() + "://" + address.getHost() + port + "/…";
  }

  @Override
  public int triesMax() {
    return TRIES;
  }

  @Override
  public void deliver(Message message) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(address)
            .timeout(REQUEST_MAX)
            .header("Content-Type", "application/json; charset=utf-8")
            .header("User-Agent", "millrace")
            .POST(HttpRequest.BodyPublishers.ofString(message.json()))
            .build();
    HttpClient client =
        HttpClient.newBuilder()
            .connectTimeout(CONNECT_MAX)
            .followRedirects(HttpClient.Redirect.NEVER)
            .version(HttpClient.Version.HTTP_1_1)
            .build();
    HttpResponse<Void> response = client.send(request, HttpResponse.BodyHandlers.discarding());
    if (response.statusCode() / 100 != 2) {
      throw new IOException("expected an answer of 200 to 299, found " + response.statusCode());
    }
  }
}

package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.evaluate.result.NightResult;
import dev.millrace.jobs.evaluate.result.Verdict;
import dev.millrace.pipeline.store.JobDescription;
import java.io.IOException;
import java.io.InputStream;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Locale;

/**
 * Writes the page: one file that needs no network and no other file. Its content policy allows its
 * one style and its one script by their hashes and nothing else at all, so that even a text that
 * slipped through unescaped could run nothing. Without the script everything can still be read.
 */
final class HtmlPage {
  private final Page page;
  private final HtmlWriter html;

  private HtmlPage(Page page, Writer out) {
    this.page = page;
    this.html = new HtmlWriter(out);
  }

  static void write(Page page, Writer out) throws IOException {
    new HtmlPage(page, out).write();
  }

  private void write() throws IOException {
    String style = resource("report.css");
    String script = resource("report.js");
    NightResult night = page.night();
    html.raw("<!DOCTYPE html>\n").open("html", "lang", "en").open("head");
    html.open("meta", "charset", "utf-8");
    html.open(
        "meta",
        "http-equiv",
        "Content-Security-Policy",
        "content",
        "default-src 'none'; style-src 'sha256-"
            + hash(style)
            + "'; script-src 'sha256-"
            + hash(script)
            + "'; base-uri 'none'; form-action 'none'");
    html.open("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
    html.open("meta", "name", "color-scheme", "content", "light dark");
    html.open("meta", "name", "referrer", "content", "no-referrer");
    html.open("meta", "name", "robots", "content", "noindex");
    html.element("title", word(night.verdict()) + ": " + night.specName() + " " + night.nightId());
    html.open("style").raw(style).close("style");
    html.close("head").open("body");
    html.element("a", "Skip to the tasks", "class", "skip", "href", "#tasks");
    new VerdictSection(page, html).write();
    html.open("main");
    new TaskSection(page, html).write();
    new RowSection(page, html).write();
    new MachineSection(page, html).write();
    new AboutSection(page, html).write();
    html.close("main");
    html.open("script").raw(script).close("script");
    html.close("body").close("html").end();
  }

  static String word(Verdict verdict) {
    return switch (verdict) {
      case PASS -> "Passed";
      case WARN -> "Warning";
      case FAIL -> "Failed";
    };
  }

  /** A mark that differs in shape too: colour alone tells nothing to many readers. */
  static String mark(Verdict verdict) {
    return switch (verdict) {
      case PASS -> "✓";
      case WARN -> "!";
      case FAIL -> "✕";
    };
  }

  static String style(Verdict verdict) {
    return verdict.name().toLowerCase(Locale.ROOT);
  }

  private static String resource(String name) throws IOException {
    try (InputStream in = HtmlPage.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IOException("The program lacks its own file " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static String hash(String text) {
    byte[] digest = JobDescription.sha256().digest(text.getBytes(StandardCharsets.UTF_8));
    return Base64.getEncoder().encodeToString(digest);
  }
}

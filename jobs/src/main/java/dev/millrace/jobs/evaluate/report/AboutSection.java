package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.evaluate.result.NightResult;
import java.io.IOException;

/** Where the numbers come from and how to read them. */
final class AboutSection {
  private final Page page;
  private final HtmlWriter html;

  AboutSection(Page page, HtmlWriter html) {
    this.page = page;
    this.html = html;
  }

  void write() throws IOException {
    NightResult night = page.night();
    html.open("section", "id", "about").element("h2", "About");
    html.open("dl", "class", "facts");
    fact("Evaluation", night.specName() + ", fingerprint " + night.specFingerprint());
    fact("Program", night.program());
    fact("Began and ended", Figures.time(night.started()) + " – " + Figures.time(night.ended()));
    fact(
        "Accepted night",
        night.baselineNightId() == null
            ? "none; accept one with: millrace baseline accept"
            : night.baselineNightId());
    fact("Nights in the history", Integer.toString(page.history().nights()));
    if (!page.history().unreadable().isEmpty()) {
      fact("Nights that could not be read", String.join(", ", page.history().unreadable()));
    }
    html.close("dl");
    html.element("h3", "How to read this");
    html.open("ul");
    for (String line : READING) {
      html.element("li", line);
    }
    html.close("ul");
    html.close("section");
  }

  private static final String[] READING = {
    "The interval of a score says how far it may lie from the score on endlessly many such rows.",
    "The change is of the same rows on both nights, so its interval is narrower than those of the"
        + " scores.",
    "A bar left of the line, not touching it, is a drop that chance does not explain; a hollow"
        + " point is one that it may.",
    "The smallest drop that so many rows find: a true drop of that size is found in four nights"
        + " of five.",
    "Flaky rows gave another answer for the same model, request and seed; there should be none."
  };

  private void fact(String name, String value) throws IOException {
    html.open("div").element("dt", name).open("dd").name(value);
    html.close("dd").close("div");
  }
}

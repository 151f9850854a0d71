package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.inert.InertText;
import java.io.IOException;
import java.io.Writer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Set;

/**
 * Writes HTML that is well-formed and inert by construction: every text and attribute value passes
 * through {@link InertText#html}; names of elements and attributes come from code alone. There are
 * no style attributes and no event handlers, which the page's content policy would refuse.
 */
final class HtmlWriter {
  private static final Set<String> VOID =
      Set.of("meta", "input", "br", "hr", "line", "rect", "circle", "polyline", "polygon", "path");

  /** Elements after which no line break is written. */
  private static final Set<String> PHRASES =
      Set.of("span", "b", "bdi", "code", "mark", "a", "pre", "text", "title", "summary", "label");

  private static final int NAME_CHARS_MAX = 400;

  private final Writer out;
  private final Deque<String> open = new ArrayDeque<>();

  HtmlWriter(Writer out) {
    this.out = out;
  }

  /**
   * Opens an element; one without content is closed at once.
   *
   * @param attributes names and values in turn; a null value leaves its attribute out
   */
  HtmlWriter open(String element, String... attributes) throws IOException {
    out.write('<');
    out.write(element);
    for (int i = 0; i < attributes.length; i += 2) {
      if (attributes[i + 1] != null) {
        out.write(' ');
        out.write(attributes[i]);
        out.write("=\"");
        out.write(InertText.html(attributes[i + 1]));
        out.write('"');
      }
    }
    if (VOID.contains(element)) {
      out.write("/>");
    } else {
      out.write('>');
      open.push(element);
    }
    return this;
  }

  /** Closes the innermost element, which must be this one. */
  HtmlWriter close(String element) throws IOException {
    String innermost = open.pop();
    if (!innermost.equals(element)) {
      throw new IllegalStateException("expected to close " + innermost + ", not " + element);
    }
    out.write("</");
    out.write(element);
    out.write('>');
    if (!PHRASES.contains(element)) {
      out.write('\n');
    }
    return this;
  }

  HtmlWriter text(String text) throws IOException {
    out.write(InertText.html(text));
    return this;
  }

  /** An element that holds only text. */
  HtmlWriter element(String element, String text, String... attributes) throws IOException {
    return open(element, attributes).text(text).close(element);
  }

  /** A name or sentence, apart from the direction of what is around it and of bounded length. */
  HtmlWriter name(String text) throws IOException {
    return element("bdi", InertText.shortened(text, NAME_CHARS_MAX));
  }

  /** Text that is code of ours, written as it is: the page's one style and one script. */
  HtmlWriter raw(String trusted) throws IOException {
    out.write(trusted);
    return this;
  }

  void end() {
    if (!open.isEmpty()) {
      throw new IllegalStateException("expected all closed, found open " + open);
    }
  }
}

package dev.millrace.jobs.evaluate.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.jobs.evaluate.result.NightFolder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The page in a real browser. Without one the tests are skipped, with {@code
 * -Dbrowser.required=true} they fail. {@code -Dbrowser.pictures=FOLDER} keeps pictures of it.
 */
@Tag("browser")
class ReportBrowserTest {
  @TempDir private static Path folder;
  private static Browser browser;
  private static Path page;
  private static Path hostile;

  @BeforeAll
  static void openABrowser() throws Exception {
    Optional<Path> program = Browser.find();
    if (Boolean.getBoolean("browser.required")) {
      assertTrue(program.isPresent(), "-Dbrowser.required=true, and no chromium on the PATH");
    }
    assumeTrue(program.isPresent(), "Not run: there is no chromium on the PATH");
    page = report(new ReportFixture(folder.resolve("plain")));
    ReportFixture bad = new ReportFixture(folder.resolve("hostile"));
    bad.text = HostileText.ALL;
    bad.rows = 12;
    hostile = report(bad);
    browser = Browser.open(program.get(), folder.resolve("profile"));
  }

  private static Path report(ReportFixture fixture) throws Exception {
    NightFolder night = fixture.write();
    EvaluationReport.write(fixture.evaluation, night);
    return night.path().resolve(EvaluationReport.PAGE);
  }

  @AfterAll
  static void closeIt() throws Exception {
    if (browser != null) {
      browser.close();
    }
  }

  @ParameterizedTest
  @CsvSource({"1280, 1900, light", "1280, 1900, dark", "390, 2600, light", "390, 2600, dark"})
  void thePageOpensWithoutAnErrorAndAsksForNothing(int width, int height, String scheme)
      throws Exception {
    browser.show(page, width, height, scheme);

    assertEquals(List.of(), browser.complaints);
    assertEquals(List.of(page.toUri().toString()), browser.requests);
    assertEquals(0, browser.evaluate(SIDEWAYS).asInt(), () -> sticking());
    picture("page-" + width + "-" + scheme, false);
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)");
    assertEquals(0, browser.evaluate(SIDEWAYS).asInt(), "sideways scroll when open");
    browser.evaluate("document.querySelector('#rows').scrollIntoView()");
    picture("rows-" + width + "-" + scheme, false);
    browser.evaluate("document.querySelector('#machine').scrollIntoView()");
    picture("machine-" + width + "-" + scheme, false);
  }

  private static final String SIDEWAYS =
      "Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)";

  /** Elements that stick out, for the message. */
  private static final String STICKING =
      "Array.from(document.querySelectorAll('body *')).filter(e => e.getBoundingClientRect().right >"
          + " document.documentElement.clientWidth + 1 && !e.closest('pre, .skip, thead')).slice(0, 6)"
          + ".map(e => e.tagName + '.' + e.className.baseVal + e.className + ' ' + e.textContent.slice(0, 40)).join('; ')";

  private static String sticking() {
    try {
      return "sideways scroll by " + browser.evaluate(STICKING);
    } catch (Exception e) {
      return e.toString();
    }
  }

  private static void picture(String name, boolean whole) throws Exception {
    String pictures = System.getProperty("browser.pictures");
    if (pictures != null) {
      browser.screenshot(Path.of(pictures).resolve(name + ".png"), whole);
    }
  }

  @Test
  void hostileTextsAreShownAndDoNothing() throws Exception {
    browser.show(hostile, 1280, 1900, "light");
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)");
    picture("hostile", false);

    assertEquals(List.of(), browser.complaints);
    assertEquals(List.of(hostile.toUri().toString()), browser.requests);
    assertEquals("undefined", browser.evaluate("typeof window.hacked").asText());
    assertEquals(1, browser.evaluate("document.scripts.length").asInt());
    String elements =
        "document.querySelectorAll('img, iframe, object, embed, link, base, form, video, math')";
    assertEquals(0, browser.evaluate(elements + ".length").asInt());
    assertEquals(0, browser.evaluate(HANDLERS).asInt(), "event handlers or style attributes");
    String text = browser.evaluate("document.body.innerText").asText();
    assertTrue(text.contains("<script>window.hacked = 1</script>"), "it must be shown");
    assertTrue(text.contains("⟨U+202E⟩") && text.contains("⟨U+001B⟩[31m"), "it must be shown");
    assertTrue(text.chars().noneMatch(c -> c == 0x202e || c == 0x1b || c == 0), "nothing acts");
  }

  private static final String HANDLERS =
      "Array.from(document.querySelectorAll('*')).filter(e => e.getAttributeNames()"
          + ".some(n => n.startsWith('on') || n === 'style')).length";

  @Test
  void aScriptThatSlippedThroughWouldBeRefusedByThePolicy() throws Exception {
    String html = Files.readString(page);
    Path broken = page.resolveSibling("broken.html");
    Files.writeString(
        broken,
        html.replace(
            "<main>",
            "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"
                + "<style>body { color: rgb(1, 2, 3) }</style><p id=p style='color: red'>x</p>"
                + "<a id=js href='javascript:window.hacked = 3'>x</a><main>"));

    browser.show(broken, 1280, 1000, "light");
    browser.evaluate("document.getElementById('js').click()");
    Thread.sleep(200);

    assertEquals("undefined", browser.evaluate("typeof window.hacked").asText());
    String colour = "getComputedStyle(document.getElementById('p')).color";
    assertEquals("rgb(23, 27, 33)", browser.evaluate(colour).asText());
    assertFalse(browser.complaints.isEmpty(), "the policy must have refused them");
  }

  @Test
  void theFiltersShowWhatFits() throws Exception {
    browser.show(page, 1280, 1900, "light");
    String all = "document.querySelectorAll('.flip').length";
    String shown = "document.querySelectorAll('.flip:not([hidden])').length";

    browser.evaluate(set("kind", "better"));
    int better = browser.evaluate(shown).asInt();
    assertEquals(
        browser.evaluate("document.querySelectorAll('.flip.better').length"),
        browser.evaluate(shown));
    browser.evaluate(set("task", "0"));
    int ofTask = browser.evaluate(shown).asInt();
    assertTrue(ofTask > 0 && ofTask < better, ofTask + " of " + better);
    browser.evaluate(set("kind", "") + set("task", ""));
    browser.evaluate(type("dozen TRAYS 9"));
    int found = browser.evaluate(shown).asInt();
    assertTrue(found > 0 && found < browser.evaluate(all).asInt(), "found " + found);
    assertEquals(
        found + " of " + browser.evaluate(all).asInt() + " shown",
        browser.evaluate("document.querySelector('[data-for=rows] output').textContent").asText());
    browser.evaluate(type("no such text"));
    assertEquals(0, browser.evaluate(shown).asInt());
  }

  private static String set(String role, String value) {
    return "(() => { const s = document.querySelector('[data-for=rows] [data-role="
        + role
        + "]'); s.value = '"
        + value
        + "'; s.dispatchEvent(new Event('change')); })();";
  }

  private static String type(String text) {
    return "new Promise(done => { const t = document.querySelector('[data-for=rows] input');"
        + " t.value = '"
        + text
        + "'; t.dispatchEvent(new Event('input')); setTimeout(done, 400); })";
  }

  @Test
  void aTasksLinkFiltersItsRows() throws Exception {
    browser.show(page, 1280, 1900, "light");

    browser.evaluate("document.querySelector('a[data-task=\"2\"]').click()");

    assertEquals(
        0,
        browser
            .evaluate(
                "document.querySelectorAll('.flip:not([hidden]):not([data-task=\"2\"])').length")
            .asInt());
  }

  @ParameterizedTest
  @ValueSource(strings = {"light", "dark"})
  void everyTextHasEnoughContrast(String scheme) throws Exception {
    browser.show(page, 1280, 1900, scheme);
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)");

    JsonNode weak = browser.evaluate(CONTRAST);

    assertEquals("[]", weak.toString(), "texts below 4.5 to 1");
  }

  private static final String CONTRAST =
      """
      (() => {
        const channel = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
        const light = (c) => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
        const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
        const ground = (e) => {
          for (; e; e = e.parentElement) {
            const c = parse(getComputedStyle(e).backgroundColor);
            if (c.length === 3 || c[3] === 1) { return c; }
          }
          return [255, 255, 255];
        };
        const weak = [];
        for (const e of document.querySelectorAll('body *')) {
          const own = Array.from(e.childNodes).some((n) => n.nodeType === 3 && n.data.trim() !== '');
          if (!own || e.closest('script, svg, .skip') || e.getClientRects().length === 0) { continue; }
          const a = light(parse(getComputedStyle(e).color)), b = light(ground(e));
          const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
          if (ratio < 4.5) { weak.push(e.tagName + '.' + e.className + ' ' + ratio.toFixed(2) + ' ' + e.textContent.slice(0, 30)); }
        }
        return Array.from(new Set(weak)).slice(0, 10);
      })()
      """;

  @Test
  void aScreenReaderFindsNamesForEverything() throws Exception {
    browser.show(page, 1280, 1900, "light");

    assertEquals("en", browser.evaluate("document.documentElement.lang").asText());
    assertEquals(1, browser.evaluate("document.querySelectorAll('h1').length").asInt());
    assertEquals(0, browser.evaluate(count("svg:not([role=img][aria-label])")).asInt());
    assertEquals(
        0,
        browser
            .evaluate(
                "Array.from(document.querySelectorAll('input, select')).filter(e =>"
                    + " e.labels.length === 0).length")
            .asInt());
    assertEquals(0, browser.evaluate(count("thead th:not([scope])")).asInt());
    assertEquals(
        0,
        browser
            .evaluate(
                "(() => { const ids = Array.from(document.querySelectorAll('[id]')).map(e => e.id);"
                    + " return ids.length - new Set(ids).size; })()")
            .asInt());
    assertEquals(
        0,
        browser
            .evaluate(
                "Array.from(document.querySelectorAll('a[href^=\"#\"]')).filter(a =>"
                    + " !document.querySelector(a.getAttribute('href'))).length")
            .asInt(),
        "links that lead nowhere");
  }

  private static String count(String selector) {
    return "document.querySelectorAll('" + selector + "').length";
  }

  @Test
  void itPrintsOnAFewPagesWithoutControls() throws Exception {
    browser.show(page, 1280, 1900, "dark");

    byte[] pdf = browser.pdf();

    String raw = new String(pdf, StandardCharsets.ISO_8859_1);
    int pages = raw.split("/Type /Page\\b[^s]", -1).length - 1;
    assertTrue(raw.startsWith("%PDF") && pages >= 1 && pages <= 5, pages + " pages");
    String pictures = System.getProperty("browser.pictures");
    if (pictures != null) {
      Files.write(Path.of(pictures).resolve("print.pdf"), pdf);
    }
    browser.call("Emulation.setEmulatedMedia", "media", "print");
    String display = "getComputedStyle(document.querySelector('.filter')).display";
    assertEquals("none", browser.evaluate(display).asText());
    browser.call("Emulation.setEmulatedMedia", "media", "");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 200})
  void anyNumberOfTasksFitsAPhone(int tasks) throws Exception {
    ReportFixture fixture = new ReportFixture(folder.resolve("tasks-" + tasks));
    fixture.tasks = tasks;
    fixture.rows = 10;
    fixture.nights = 4;
    Path many = report(fixture);

    browser.show(many, 320, 1200, "light");

    assertEquals(List.of(), browser.complaints);
    assertEquals(0, browser.evaluate(SIDEWAYS).asInt(), () -> sticking());
    assertEquals(tasks, browser.evaluate(count(".tasks > tbody")).asInt());
    picture("tasks-" + tasks, false);
    browser.show(many, 1280, 1200, "light");
    picture("tasks-wide-" + tasks, false);
  }

  @Test
  void hostileTextsFitAPhone() throws Exception {
    browser.show(hostile, 320, 1200, "dark");
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)");

    assertEquals(0, browser.evaluate(SIDEWAYS).asInt(), () -> sticking());
    picture("hostile-phone", false);
  }
}

package dev.millrace.engine.text.jinja;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.text.jinja.value.DataValues;
import dev.millrace.engine.text.jinja.value.TemplateException;
import dev.millrace.engine.text.taint.TaintedText;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the sandbox refuses and bounds, and which output counts as data. */
final class TemplateTest {
  private static final ZonedDateTime NOW = ZonedDateTime.of(2026, 9, 1, 0, 0, 0, 0, ZoneOffset.UTC);

  private static TaintedText render(String source, Map<String, ?> data) {
    Map<String, Object> variables = new java.util.HashMap<>();
    data.forEach((name, value) -> variables.put(name, DataValues.of(value)));
    return Template.compile(source).render(variables, () -> NOW);
  }

  /** The output with what came from data in brackets. */
  private static String marked(String source, Map<String, ?> data) {
    TaintedText text = render(source, data);
    StringBuilder marked = new StringBuilder(text.text());
    int[] ranges = text.dataRanges();
    for (int i = ranges.length - 1; i >= 0; i--) {
      marked.insert(ranges[i], i % 2 == 0 ? "⟦" : "⟧");
    }
    return marked.toString();
  }

  @Test
  void unknownConstructsFailWithLineAndColumn() {
    TemplateSyntaxException e =
        assertThrows(
            TemplateSyntaxException.class, () -> Template.compile("a\n  {{ x | nosuch }}"));

    assertEquals(2, e.line());
    assertEquals(10, e.column());
    assertTrue(e.getMessage().contains("'nosuch' is not supported"), e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% block x %}{% endblock %}",
        "{% for x in y recursive %}{% endfor %}",
        "{% if false and x | nosuch %}{% endif %}",
        "{{ x.encode('utf-8') }}",
        "{{ cycler(1, 2) }}",
        "{{ 99999999999999999999 }}",
        "{{ '\\N{DASH}' }}"
      })
  void constructsOutsideTheSubsetFailAtCompile(String source) {
    assertThrows(TemplateSyntaxException.class, () -> Template.compile(source));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}"
            + "{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = ns.l + ns.l %}"
            + "{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ 'x' * 1000000000 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ 'x'.center(1000000000) }}",
        "{{ range(100001) }}",
        "{{ 2 ** 100000 }}"
      })
  void runawayTemplatesAreStopped(String source) {
    assertThrows(TemplateException.class, () -> render(source, Map.of()));
  }

  @Test
  void deepNestingIsRefusedRatherThanOverflowing() {
    String open = "{{ " + "(".repeat(5000) + "1" + ")".repeat(5000) + " }}";
    String blocks = "{% if true %}".repeat(5000) + "{% endif %}".repeat(5000);

    assertThrows(TemplateSyntaxException.class, () -> Template.compile(open));
    assertThrows(TemplateSyntaxException.class, () -> Template.compile(blocks));
    assertThrows(
        TemplateSyntaxException.class, () -> Template.compile("{{ " + "-".repeat(5000) + "1 }}"));
  }

  @Test
  void dataIsNeverEvaluated() {
    String attack = "{{ 7 * 7 }}{% raise %}{{ raise_exception('x') }}{# c #}";

    assertEquals(attack, render("{{ x }}", Map.of("x", attack)).text());
    assertEquals(
        attack.toUpperCase(java.util.Locale.ROOT),
        render("{% set y = x | upper %}{{ y ~ '' }}", Map.of("x", attack)).text());
  }

  @Test
  void methodsOfTheJvmAreOutOfReach() {
    for (String name : List.of("getClass", "class", "toString", "__class__", "hashCode")) {
      assertEquals("", render("{{ x." + name + " }}", Map.of("x", "a")).text(), name);
      assertEquals("", render("{{ x['" + name + "'] }}", Map.of("x", "a")).text(), name);
    }
  }

  @Test
  void outputRemembersWhatCameFromData() {
    Map<String, Object> data = Map.of("x", " user ", "l", List.of("p", "q"), "n", 5);

    assertEquals("<s>⟦ user ⟧</s>", marked("<s>{{ x }}</s>", data));
    assertEquals("a⟦user⟧b", marked("{{ 'a' + x.strip() + 'b' }}", data));
    assertEquals("a⟦USER⟧5", marked("{{ 'a' ~ x | trim | upper ~ n }}", data));
    assertEquals("⟦p⟧, ⟦q⟧", marked("{{ l | join(', ') }}", data));
    assertEquals("[\"⟦p⟧\", \"⟦q⟧\"]", marked("{{ l | tojson }}", data));
    assertEquals("['⟦p⟧', '⟦q⟧']", marked("{{ l }}", data));
    assertEquals("⟦ ⟧X⟦ser ⟧", marked("{{ x.replace('u', 'X') }}", data));
    assertEquals("a⟦ resu ⟧", marked("{{ ('%s' | format(x) + 'a')[::-1] }}", data));
    assertEquals("⟦us⟧|⟦p⟧", marked("{{ x[1:3] }}|{{ l | first }}", data));
    assertEquals("(⟦ user ⟧)", marked("{% macro m(a) %}({{ a }}){% endmacro %}{{ m(x) }}", data));
    assertEquals("=⟦ user ⟧", marked("{% set b %}={{ x }}{% endset %}{{ b }}", data));
    assertEquals("⟦x⟧,⟦n⟧", marked("{{ d | join(',') }}", Map.of("d", keyed())));
  }

  private static Map<String, Object> keyed() {
    Map<String, Object> map = new java.util.LinkedHashMap<>();
    map.put("x", 1);
    map.put("n", 2);
    return map;
  }

  @Test
  void spansOfDataSurviveEveryCut() {
    TaintedText text =
        new TaintedText.Builder()
            .append("ab", false)
            .append("cd", true)
            .append("e", false)
            .append("fg", true)
            .build();

    assertArrayEquals(new int[] {2, 4, 5, 7}, text.dataRanges());
    assertArrayEquals(new int[] {0, 1, 2, 3}, text.substring(3, 6).dataRanges());
    assertArrayEquals(new int[] {}, text.substring(0, 2).dataRanges());
    assertArrayEquals(new int[] {}, text.substring(4, 5).dataRanges());
    assertArrayEquals(
        new int[] {0, 2, 4, 6},
        text.substring(2, 4)
            .concat(text.substring(0, 2))
            .concat(text.substring(5, 7))
            .dataRanges());
  }

  @Test
  void oneRenderingDoesNotSeeTheVariablesOfAnother() {
    Template template = Template.compile("{{ x }}{% set x = 2 %}{{ x }}");

    assertEquals("2", template.render(Map.of(), () -> NOW).text());
    assertEquals("2", template.render(Map.of(), () -> NOW).text());
  }
}

package dev.millrace.engine.text.jinja;

import dev.millrace.engine.text.jinja.library.Globals;
import dev.millrace.engine.text.taint.TaintedText;
import java.time.ZonedDateTime;
import java.util.Map;
import java.util.function.Supplier;

/** A compiled template. Immutable and thread-safe. */
public final class Template {
  private final Statement body;

  private Template(Statement body) {
    this.body = body;
  }

  /**
   * @throws TemplateSyntaxException if the source is broken or uses what is not supported
   */
  public static Template compile(String source) {
    return new Template(new StatementParser(Lexer.tokenize(source)).template());
  }

  /**
   * Renders with the given variables.
   *
   * @param variables values of {@link dev.millrace.engine.text.jinja.value}
   * @param now what {@code strftime_now} tells
   * @throws dev.millrace.engine.text.jinja.value.TemplateException if the template fails
   */
  public TaintedText render(Map<String, Object> variables, Supplier<ZonedDateTime> now) {
    Rendering rendering = new Rendering();
    Scope globals = new Scope(rendering, null);
    Globals.functions(now).forEach(globals::set);
    Scope scope = globals.inner();
    variables.forEach(scope::set);
    body.execute(scope);
    return rendering.written();
  }
}

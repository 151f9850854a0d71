package dev.millrace.engine.text.jinja.library;

import dev.millrace.engine.text.jinja.value.Arguments;
import dev.millrace.engine.text.jinja.value.Callable;
import dev.millrace.engine.text.jinja.value.Dict;
import dev.millrace.engine.text.jinja.value.Namespace;
import dev.millrace.engine.text.jinja.value.Printer;
import dev.millrace.engine.text.jinja.value.Sequence;
import dev.millrace.engine.text.jinja.value.TemplateException;
import dev.millrace.engine.text.jinja.value.Values;
import dev.millrace.engine.text.taint.TaintedText;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** The functions every template can call. */
public final class Globals {
  private static final int RANGE_MAX = 100_000;

  private Globals() {}

  /**
   * The functions by name.
   *
   * @param now what {@code strftime_now} tells
   */
  public static Map<String, Object> functions(Supplier<ZonedDateTime> now) {
    return Map.of(
        "range", (Callable) Globals::range,
        "dict", (Callable) Globals::dict,
        "namespace", (Callable) Globals::namespace,
        "raise_exception", (Callable) Globals::raise,
        "strftime_now",
            (Callable)
                a ->
                    TaintedText.trusted(
                        TimeFormat.format(
                            now.get(),
                            a.expect("strftime_now", "format").requireText(0, "format").text())));
  }

  private static Object range(Arguments arguments) {
    arguments.expect("range", "start", "stop", "step");
    int count = arguments.positional().size();
    if (count == 0 || !arguments.named().isEmpty()) {
      throw new TemplateException("range takes one to three integers");
    }
    long start = count == 1 ? 0 : Values.toIndex(arguments.positional().get(0));
    long stop = Values.toIndex(arguments.positional().get(count == 1 ? 0 : 1));
    long step = count < 3 ? 1 : Values.toIndex(arguments.positional().get(2));
    if (step == 0) {
      throw new TemplateException("range() arg 3 must not be zero");
    }
    long size = Math.max(0, (stop - start + step - Long.signum(step)) / step);
    if (size > RANGE_MAX) {
      throw new TemplateException(
          "Range too big. The sandbox blocks ranges larger than " + RANGE_MAX + ".");
    }
    List<Object> items = new ArrayList<>((int) size);
    for (long i = 0; i < size; i++) {
      items.add(start + i * step);
    }
    return Sequence.list(items);
  }

  private static Object dict(Arguments arguments) {
    Dict dict = new Dict();
    if (!arguments.positional().isEmpty()) {
      fill(dict, arguments);
    }
    arguments.named().forEach((name, value) -> dict.put(TaintedText.trusted(name), value));
    return dict;
  }

  private static void fill(Dict dict, Arguments arguments) {
    Object source = arguments.positional().get(0);
    if (arguments.positional().size() > 1) {
      throw new TemplateException("dict takes at most one mapping");
    }
    if (source instanceof Dict other) {
      other.keys().forEach(key -> dict.put(key, other.get(key)));
      return;
    }
    for (Object pair : Values.iterate(source)) {
      List<Object> both = Values.iterate(pair);
      if (both.size() != 2) {
        throw new TemplateException("dict: expected pairs of key and value");
      }
      dict.put(both.get(0), both.get(1));
    }
  }

  private static Object namespace(Arguments arguments) {
    Namespace namespace = new Namespace();
    Dict attributes = (Dict) dict(arguments);
    for (Object key : attributes.keys()) {
      namespace.set(Values.requireText(key, "namespace").text(), attributes.get(key));
    }
    return namespace;
  }

  private static Object raise(Arguments arguments) {
    Object message = arguments.expect("raise_exception", "message").require(0, "message");
    throw new TemplateException(Printer.print(message).text());
  }
}

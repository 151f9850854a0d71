package dev.millrace.engine.text.jinja;

import dev.millrace.engine.text.jinja.value.Arguments;
import dev.millrace.engine.text.jinja.value.Attributes;
import dev.millrace.engine.text.jinja.value.Callable;
import dev.millrace.engine.text.jinja.value.Sequence;
import dev.millrace.engine.text.jinja.value.TemplateException;
import dev.millrace.engine.text.jinja.value.Undefined;
import dev.millrace.engine.text.jinja.value.Values;
import java.util.List;

/** The variable {@code loop}. */
final class Loop implements Attributes {
  private final List<Object> items;
  private int index;
  private Object seen;

  Loop(List<Object> items) {
    this.items = items;
  }

  void moveTo(int newIndex) {
    index = newIndex;
  }

  @Override
  public Object attribute(String name) {
    return switch (name) {
      case "index" -> index + 1L;
      case "index0" -> (long) index;
      case "revindex" -> (long) items.size() - index;
      case "revindex0" -> items.size() - index - 1L;
      case "first" -> index == 0;
      case "last" -> index == items.size() - 1;
      case "length" -> (long) items.size();
      case "depth" -> 1L; // loops that call themselves are refused at compile
      case "depth0" -> 0L;
      case "previtem" -> neighbour(index - 1, "there is no previous item");
      case "nextitem" -> neighbour(index + 1, "there is no next item");
      case "cycle" -> (Callable) this::cycle;
      case "changed" -> (Callable) this::changed;
      default -> null;
    };
  }

  private Object neighbour(int at, String message) {
    return at >= 0 && at < items.size() ? items.get(at) : Undefined.because(message);
  }

  private Object cycle(Arguments arguments) {
    List<Object> values = arguments.positional();
    if (values.isEmpty() || !arguments.named().isEmpty()) {
      throw new TemplateException("no items for cycling given");
    }
    return values.get(index % values.size());
  }

  private Object changed(Arguments arguments) {
    Object now = Sequence.of(Sequence.Kind.TUPLE, arguments.positional());
    boolean changed = seen == null || !Values.equal(seen, now);
    seen = now;
    return changed;
  }
}

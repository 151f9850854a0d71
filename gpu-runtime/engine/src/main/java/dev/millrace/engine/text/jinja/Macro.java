package dev.millrace.engine.text.jinja;

import dev.millrace.engine.text.jinja.value.Arguments;
import dev.millrace.engine.text.jinja.value.Callable;
import dev.millrace.engine.text.jinja.value.Dict;
import dev.millrace.engine.text.jinja.value.Sequence;
import dev.millrace.engine.text.jinja.value.TemplateException;
import dev.millrace.engine.text.jinja.value.Undefined;
import dev.millrace.engine.text.taint.TaintedText;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A macro as written: what it takes and what it writes.
 *
 * @param defaults for the last parameters
 * @param namesRead names its body reads; it takes more arguments than it names only if it reads
 *     them
 */
record Macro(
    String name,
    List<String> parameters,
    List<Expression> defaults,
    Statement body,
    Set<String> namesRead) {
  static final String CALLER = "caller";
  private static final String MORE_ARGUMENTS = "varargs";
  private static final String MORE_NAMED = "kwargs";

  /** The macro over the variables of where it was defined. */
  Callable over(Scope definition) {
    return arguments -> call(definition.inner(), arguments);
  }

  private Object call(Scope scope, Arguments arguments) {
    Rendering rendering = scope.rendering();
    rendering.budget().enter();
    try {
      bind(scope, arguments);
      return rendering.capture(body, scope);
    } finally {
      rendering.budget().leave();
    }
  }

  private void bind(Scope scope, Arguments arguments) {
    List<Object> positional = arguments.positional();
    int taken = Math.min(positional.size(), parameters.size());
    for (int i = 0; i < parameters.size(); i++) {
      String parameter = parameters.get(i);
      if (i < taken && arguments.named().containsKey(parameter)) {
        throw new TemplateException(
            "macro '" + name + "' got its argument '" + parameter + "' twice");
      }
      scope.set(parameter, value(scope, arguments, i));
    }
    bindRest(scope, arguments, taken);
  }

  private Object value(Scope scope, Arguments arguments, int index) {
    String parameter = parameters.get(index);
    Object given = arguments.get(index, parameter, null);
    if (given != null) {
      return given;
    }
    int fallback = index - (parameters.size() - defaults.size());
    return fallback >= 0
        ? defaults.get(fallback).evaluate(scope)
        : Undefined.because("parameter '" + parameter + "' was not provided");
  }

  private void bindRest(Scope scope, Arguments arguments, int taken) {
    List<Object> more = arguments.positional().subList(taken, arguments.positional().size());
    if (namesRead.contains(MORE_ARGUMENTS)) {
      scope.set(MORE_ARGUMENTS, Sequence.of(Sequence.Kind.TUPLE, more));
    } else if (!more.isEmpty()) {
      throw new TemplateException(
          "macro '" + name + "' takes not more than " + parameters.size() + " argument(s)");
    }
    Dict moreNamed = new Dict();
    for (Map.Entry<String, Object> named : arguments.named().entrySet()) {
      boolean known = parameters.contains(named.getKey());
      boolean caller = named.getKey().equals(CALLER);
      if (caller && !known && namesRead.contains(CALLER)) {
        scope.set(CALLER, named.getValue());
      } else if (!known && (caller || !namesRead.contains(MORE_NAMED))) {
        throw new TemplateException(
            "macro '" + name + "' takes no keyword argument '" + named.getKey() + "'");
      } else if (!known) {
        moreNamed.put(TaintedText.trusted(named.getKey()), named.getValue());
      }
    }
    if (namesRead.contains(CALLER) && !arguments.named().containsKey(CALLER)) {
      scope.set(CALLER, Undefined.because("No caller defined"));
    }
    if (namesRead.contains(MORE_NAMED)) {
      scope.set(MORE_NAMED, moreNamed);
    }
  }
}

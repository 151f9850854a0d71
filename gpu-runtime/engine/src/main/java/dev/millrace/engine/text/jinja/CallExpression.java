package dev.millrace.engine.text.jinja;

import dev.millrace.engine.text.jinja.value.Arguments;
import dev.millrace.engine.text.jinja.value.Callable;
import dev.millrace.engine.text.jinja.value.TemplateException;
import dev.millrace.engine.text.jinja.value.Values;
import java.util.LinkedHashMap;
import java.util.Map;

/** A call; {@code {% call %}} gives it a caller in addition. */
record CallExpression(Expression callee, ArgumentList arguments) implements Expression {
  @Override
  public Object evaluate(Scope scope) {
    Object function = callee.evaluate(scope);
    return call(scope, function, arguments.evaluate(scope));
  }

  Object evaluateWithCaller(Scope scope, Callable caller) {
    Object function = callee.evaluate(scope);
    Arguments given = arguments.evaluate(scope);
    Map<String, Object> named = new LinkedHashMap<>(given.named());
    named.put(Macro.CALLER, caller);
    return call(scope, function, new Arguments(given.positional(), named));
  }

  private static Object call(Scope scope, Object function, Arguments given) {
    Values.rejectUndefined(function);
    if (!(function instanceof Callable callable)) {
      throw new TemplateException(
          "a value of type '" + Values.typeName(function) + "' cannot be called");
    }
    scope.rendering().budget().step();
    return scope.rendering().charged(callable.call(given));
  }
}

package dev.millrace.engine.text.jinja;

import dev.millrace.engine.text.jinja.value.Namespace;
import dev.millrace.engine.text.jinja.value.TemplateException;
import dev.millrace.engine.text.jinja.value.Values;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Where a value is put: a name, an attribute of a namespace, or several for its items. */
@FunctionalInterface
interface Target {
  Set<String> RESERVED = Set.of("true", "false", "none", "True", "False", "None");

  void assign(Scope scope, Object value);

  /**
   * @param namespaces whether attributes are taken, as {@code set} does
   */
  static Target parse(TokenStream tokens, boolean namespaces) {
    List<Target> targets = new ArrayList<>(List.of(one(tokens, namespaces)));
    boolean commas = false;
    while (tokens.skipOperator(",")) {
      commas = true;
      Token next = tokens.current();
      if (next.isName("in") || next.isOperator("=") || next.isOperator(")")) {
        break;
      }
      targets.add(one(tokens, namespaces));
    }
    return commas ? (scope, value) -> unpack(scope, value, targets) : targets.get(0);
  }

  private static Target one(TokenStream tokens, boolean namespaces) {
    if (tokens.skipOperator("(")) {
      Target inner = parse(tokens, namespaces);
      tokens.expectOperator(")");
      return inner;
    }
    Token token = tokens.expect(Token.Kind.NAME, "a name to assign to");
    String name = token.text();
    if (RESERVED.contains(name)) {
      throw TemplateSyntaxException.at(token, "'" + name + "' cannot be assigned to");
    }
    if (!namespaces || !tokens.skipOperator(".")) {
      return (scope, value) -> scope.set(name, value);
    }
    String attribute = tokens.expect(Token.Kind.NAME, "the name of an attribute").text();
    return (scope, value) -> {
      if (!(scope.get(name) instanceof Namespace namespace)) {
        throw new TemplateException("cannot assign attribute on non-namespace object");
      }
      namespace.set(attribute, value);
    };
  }

  private static void unpack(Scope scope, Object value, List<Target> targets) {
    List<Object> items = Values.iterate(value);
    if (items.size() != targets.size()) {
      throw new TemplateException(
          "expected " + targets.size() + " values to unpack, found " + items.size());
    }
    for (int i = 0; i < items.size(); i++) {
      targets.get(i).assign(scope, items.get(i));
    }
  }
}

package dev.millrace.engine.text.jinja;

import dev.millrace.engine.text.jinja.value.Arguments;
import dev.millrace.engine.text.jinja.value.Dict;
import dev.millrace.engine.text.jinja.value.TemplateException;
import dev.millrace.engine.text.jinja.value.Values;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The arguments of a call as written.
 *
 * @param unpacked {@code *list}, or null
 * @param unpackedNames {@code **mapping}, or null
 */
record ArgumentList(
    List<Expression> positional,
    Map<String, Expression> named,
    Expression unpacked,
    Expression unpackedNames) {
  static final ArgumentList NONE = new ArgumentList(List.of(), Map.of(), null, null);

  static ArgumentList of(Expression single) {
    return new ArgumentList(List.of(single), Map.of(), null, null);
  }

  static ArgumentList parse(TokenStream tokens, ExpressionParser parser) {
    tokens.expectOperator("(");
    List<Expression> positional = new ArrayList<>();
    Map<String, Expression> named = new LinkedHashMap<>();
    Expression unpacked = null;
    Expression unpackedNames = null;
    while (!tokens.skipOperator(")")) {
      Token token = tokens.current();
      boolean plainMayCome = unpacked == null && unpackedNames == null;
      if (plainMayCome && tokens.skipOperator("*")) {
        unpacked = parser.expression();
      } else if (unpackedNames == null && tokens.skipOperator("**")) {
        unpackedNames = parser.expression();
      } else if (unpackedNames == null
          && token.kind() == Token.Kind.NAME
          && tokens.look().isOperator("=")) {
        tokens.next();
        tokens.next();
        if (named.put(token.text(), parser.expression()) != null) {
          throw TemplateSyntaxException.at(token, "the argument is given twice");
        }
      } else if (plainMayCome && named.isEmpty()) {
        positional.add(parser.expression());
      } else {
        throw TemplateSyntaxException.at(token, "an argument without a name after a named one");
      }
      if (!tokens.current().isOperator(")")) {
        tokens.expectOperator(",");
      }
    }
    return new ArgumentList(positional, named, unpacked, unpackedNames);
  }

  Arguments evaluate(Scope scope) {
    if (positional.isEmpty() && named.isEmpty() && unpacked == null && unpackedNames == null) {
      return Arguments.NONE;
    }
    List<Object> values = new ArrayList<>();
    positional.forEach(argument -> values.add(argument.evaluate(scope)));
    if (unpacked != null) {
      values.addAll(Values.iterate(unpacked.evaluate(scope)));
    }
    Map<String, Object> namedValues = new LinkedHashMap<>();
    named.forEach((name, argument) -> namedValues.put(name, argument.evaluate(scope)));
    if (unpackedNames != null) {
      if (!(unpackedNames.evaluate(scope) instanceof Dict dict)) {
        throw new TemplateException("expected a mapping after **");
      }
      for (Object key : dict.keys()) {
        namedValues.put(Values.requireText(key, "argument name").text(), dict.get(key));
      }
    }
    return new Arguments(values, namedValues);
  }
}

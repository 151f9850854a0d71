package dev.millrace.engine.text.jinja;

import dev.millrace.engine.text.jinja.library.Access;
import dev.millrace.engine.text.jinja.library.Filter;
import dev.millrace.engine.text.jinja.library.Filters;
import dev.millrace.engine.text.jinja.library.Tests;
import dev.millrace.engine.text.jinja.library.TextMethods;
import dev.millrace.engine.text.jinja.value.Dict;
import dev.millrace.engine.text.jinja.value.None;
import dev.millrace.engine.text.jinja.value.Numbers;
import dev.millrace.engine.text.jinja.value.Sequence;
import dev.millrace.engine.text.jinja.value.TemplateException;
import dev.millrace.engine.text.jinja.value.Undefined;
import dev.millrace.engine.text.jinja.value.Values;
import dev.millrace.engine.text.taint.TaintedText;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Parses what operators stand between: values, attributes, calls, filters and tests. */
final class OperandParser {
  private static final Set<String> UNSUPPORTED_GLOBALS = Set.of("cycler", "joiner", "lipsum");

  private final TokenStream tokens;
  private final ExpressionParser expressions;
  private Set<String> namesRead = new HashSet<>();

  OperandParser(TokenStream tokens, ExpressionParser expressions) {
    this.tokens = tokens;
    this.expressions = expressions;
  }

  /** The names read since, put apart from those read before; give the result back to restore. */
  Set<String> startNames() {
    Set<String> before = namesRead;
    namesRead = new HashSet<>();
    return before;
  }

  /** Ends what {@link #startNames} began and returns the names read in between. */
  Set<String> endNames(Set<String> before) {
    Set<String> inside = namesRead;
    before.addAll(inside);
    namesRead = before;
    return inside;
  }

  /** A value with its sign, attributes, calls, filters and tests. */
  Expression operand() {
    return unary(true);
  }

  private Expression unary(boolean withFilters) {
    expressions.enter();
    Expression value;
    if (tokens.current().isOperator("-") || tokens.current().isOperator("+")) {
      boolean negative = tokens.next().text().equals("-");
      Expression operand = unary(false);
      value = s -> signed(operand.evaluate(s), negative);
    } else {
      value = primary();
    }
    value = postfix(value);
    expressions.leave();
    return withFilters ? filtersAndTests(value) : value;
  }

  private static Object signed(Object value, boolean negative) {
    Values.rejectUndefined(value);
    if (!Values.isNumber(value)) {
      throw new TemplateException(
          "bad operand type for unary "
              + (negative ? "-" : "+")
              + ": '"
              + Values.typeName(value)
              + "'");
    }
    return negative ? Numbers.negate(value) : Numbers.calculate("+", 0L, value);
  }

  private Expression primary() {
    Token token = tokens.next();
    switch (token.kind()) {
      case NAME:
        return name(token);
      case STRING:
        StringBuilder text = new StringBuilder(token.text());
        while (tokens.current().kind() == Token.Kind.STRING) {
          text.append(tokens.next().text());
        }
        return constant(TaintedText.trusted(text.toString()));
      case INTEGER:
        return constant(integer(token));
      case FLOAT:
        return constant(Double.valueOf(token.text().replace("_", "")));
      case OPERATOR:
        return bracketed(token);
      default:
        throw TemplateSyntaxException.at(token, "expected a value, found " + token.shown());
    }
  }

  private static Expression constant(Object value) {
    return s -> value;
  }

  private Expression name(Token token) {
    String name = token.text();
    switch (name) {
      case "true", "True":
        return constant(true);
      case "false", "False":
        return constant(false);
      case "none", "None":
        return constant(None.NONE);
      default:
        if (UNSUPPORTED_GLOBALS.contains(name)) {
          throw TemplateSyntaxException.at(token, "'" + name + "' is not supported");
        }
        namesRead.add(name);
        return s -> s.get(name);
    }
  }

  private static Object integer(Token token) {
    String digits = token.text().replace("_", "");
    try {
      if (digits.length() > 1 && Character.isLetter(digits.charAt(1))) {
        int radix =
            switch (Character.toLowerCase(digits.charAt(1))) {
              case 'b' -> 2;
              case 'o' -> 8;
              default -> 16;
            };
        return Long.parseLong(digits.substring(2), radix);
      }
      return Long.valueOf(digits);
    } catch (NumberFormatException e) {
      throw TemplateSyntaxException.at(token, "the integer " + digits + " does not fit 64 bits");
    }
  }

  private Expression bracketed(Token token) {
    switch (token.text()) {
      case "(":
        Expression inner = expressions.tuple(true, true);
        tokens.expectOperator(")");
        return inner;
      case "[":
        List<Expression> items = new ArrayList<>();
        while (!tokens.skipOperator("]")) {
          items.add(expressions.expression());
          if (!tokens.current().isOperator("]")) {
            tokens.expectOperator(",");
          }
        }
        return s -> Sequence.list(ExpressionParser.evaluated(items, s));
      case "{":
        return dict();
      default:
        throw TemplateSyntaxException.at(token, "expected a value, found " + token.shown());
    }
  }

  private Expression dict() {
    List<Expression> keys = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (!tokens.skipOperator("}")) {
      keys.add(expressions.expression());
      tokens.expectOperator(":");
      values.add(expressions.expression());
      if (!tokens.current().isOperator("}")) {
        tokens.expectOperator(",");
      }
    }
    return s -> {
      Dict dict = new Dict();
      for (int i = 0; i < keys.size(); i++) {
        dict.put(keys.get(i).evaluate(s), values.get(i).evaluate(s));
      }
      return dict;
    };
  }

  private Expression postfix(Expression value) {
    Expression result = value;
    while (true) {
      if (tokens.skipOperator(".")) {
        result = attribute(result);
      } else if (tokens.skipOperator("[")) {
        result = subscript(result);
      } else if (tokens.current().isOperator("(")) {
        result = call(result);
      } else {
        return result;
      }
    }
  }

  private Expression attribute(Expression owner) {
    if (tokens.current().kind() == Token.Kind.INTEGER) {
      Object index = integer(tokens.next());
      return s -> Access.item(owner.evaluate(s), index);
    }
    Token token = tokens.expect(Token.Kind.NAME, "a name or a number");
    String name = token.text();
    if (TextMethods.isUnsupported(name) && tokens.current().isOperator("(")) {
      throw TemplateSyntaxException.at(token, "the method '" + name + "' is not supported");
    }
    return s -> Access.attribute(owner.evaluate(s), name);
  }

  private Expression subscript(Expression owner) {
    Expression none = constant(None.NONE);
    Expression start = tokens.current().isOperator(":") ? none : expressions.expression();
    if (!tokens.skipOperator(":")) {
      tokens.expectOperator("]");
      return s -> Access.item(owner.evaluate(s), start.evaluate(s));
    }
    Expression stop = atSliceEnd() ? none : expressions.expression();
    Expression step = tokens.skipOperator(":") && !atSliceEnd() ? expressions.expression() : none;
    tokens.expectOperator("]");
    return s -> {
      Object value = owner.evaluate(s);
      Values.rejectUndefined(value);
      Object slice = Values.slice(value, start.evaluate(s), stop.evaluate(s), step.evaluate(s));
      return slice == null
          ? Undefined.because("a value of type '" + Values.typeName(value) + "' has no slices")
          : s.rendering().charged(slice);
    };
  }

  private boolean atSliceEnd() {
    return tokens.current().isOperator(":") || tokens.current().isOperator("]");
  }

  private CallExpression call(Expression callee) {
    return new CallExpression(callee, ArgumentList.parse(tokens, expressions));
  }

  private Expression filtersAndTests(Expression value) {
    Expression result = value;
    while (true) {
      if (tokens.skipOperator("|")) {
        result = filter(result);
      } else if (tokens.skipName("is")) {
        result = test(result);
      } else if (tokens.current().isOperator("(")) {
        result = call(result);
      } else {
        return result;
      }
    }
  }

  /** One filter, its name next, of a value. */
  Expression filter(Expression value) {
    Token token = tokens.expect(Token.Kind.NAME, "the name of a filter");
    Filter filter =
        Filters.find(token.text())
            .orElseThrow(
                () ->
                    TemplateSyntaxException.at(
                        token, "the filter '" + token.text() + "' is not supported"));
    ArgumentList arguments =
        tokens.current().isOperator("(")
            ? ArgumentList.parse(tokens, expressions)
            : ArgumentList.NONE;
    return s -> s.rendering().charged(filter.apply(value.evaluate(s), arguments.evaluate(s)));
  }

  private Expression test(Expression value) {
    boolean wanted = !tokens.skipName("not");
    Token token = tokens.expect(Token.Kind.NAME, "the name of a test");
    Tests.Test test =
        Tests.find(token.text())
            .orElseThrow(
                () ->
                    TemplateSyntaxException.at(
                        token, "the test '" + token.text() + "' is not supported"));
    ArgumentList arguments = testArguments();
    return s -> test.check(value.evaluate(s), arguments.evaluate(s)) == wanted;
  }

  /** In parentheses, or one value without. */
  private ArgumentList testArguments() {
    Token token = tokens.current();
    if (token.isOperator("(")) {
      return ArgumentList.parse(tokens, expressions);
    }
    if (token.isName("is")) {
      throw expressions.error("tests cannot be chained with 'is'");
    }
    boolean keyword =
        token.kind() == Token.Kind.NAME && Set.of("else", "or", "and").contains(token.text());
    boolean value =
        switch (token.kind()) {
          case NAME, STRING, INTEGER, FLOAT -> !keyword;
          case OPERATOR -> token.text().equals("[") || token.text().equals("{");
          default -> false;
        };
    return value ? ArgumentList.of(postfix(primary())) : ArgumentList.NONE;
  }
}

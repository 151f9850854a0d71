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

/** Parses expressions, with Jinja's precedence. */
final class ExpressionParser {
  private static final int DEPTH_MAX = 100;
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
  private static final Set<String> UNSUPPORTED_GLOBALS = Set.of("cycler", "joiner", "lipsum");

  private final TokenStream tokens;
  private Set<String> namesRead = new HashSet<>();
  private int depth;

  ExpressionParser(TokenStream tokens) {
    this.tokens = tokens;
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

  Expression expression() {
    if (++depth > DEPTH_MAX) {
      throw error("expressions are nested deeper than " + DEPTH_MAX);
    }
    Expression value = or();
    while (tokens.skipName("if")) {
      Expression then = value;
      Expression condition = or();
      Expression otherwise =
          tokens.skipName("else")
              ? expression()
              : s -> Undefined.because("the condition of an if without else was false");
      value = s -> Values.isTrue(condition.evaluate(s)) ? then.evaluate(s) : otherwise.evaluate(s);
    }
    depth--;
    return value;
  }

  /** An expression without {@code if}, or several with commas between: a tuple. */
  Expression tupleWithoutCondition() {
    return tuple(false, false);
  }

  /** An expression, or several with commas between: a tuple. */
  Expression tuple() {
    return tuple(true, false);
  }

  private Expression tuple(boolean conditions, boolean maybeEmpty) {
    List<Expression> items = new ArrayList<>();
    boolean commas = false;
    while (!isTupleEnd()) {
      items.add(conditions ? expression() : or());
      if (!tokens.skipOperator(",")) {
        break;
      }
      commas = true;
    }
    if (!commas && items.size() == 1) {
      return items.get(0);
    }
    if (items.isEmpty() && !maybeEmpty) {
      throw error("expected an expression, found " + tokens.current().shown());
    }
    return s -> Sequence.of(Sequence.Kind.TUPLE, evaluated(items, s));
  }

  private boolean isTupleEnd() {
    Token token = tokens.current();
    return token.kind() == Token.Kind.STATEMENT_END
        || token.kind() == Token.Kind.OUTPUT_END
        || token.kind() == Token.Kind.END
        || token.isOperator(")");
  }

  private static List<Object> evaluated(List<Expression> items, Scope scope) {
    List<Object> values = new ArrayList<>(items.size());
    items.forEach(item -> values.add(item.evaluate(scope)));
    return values;
  }

  private Expression or() {
    Expression left = and();
    while (tokens.skipName("or")) {
      Expression first = left;
      Expression second = and();
      left =
          s -> {
            Object value = first.evaluate(s);
            return Values.isTrue(value) ? value : second.evaluate(s);
          };
    }
    return left;
  }

  private Expression and() {
    Expression left = not();
    while (tokens.skipName("and")) {
      Expression first = left;
      Expression second = not();
      left =
          s -> {
            Object value = first.evaluate(s);
            return Values.isTrue(value) ? second.evaluate(s) : value;
          };
    }
    return left;
  }

  private Expression not() {
    boolean negated = false;
    while (tokens.skipName("not")) {
      negated = !negated;
      if (!tokens.current().isName("not")) {
        Expression value = comparison();
        boolean wanted = !negated;
        return s -> Values.isTrue(value.evaluate(s)) == wanted;
      }
    }
    return comparison();
  }

  private Expression comparison() {
    Expression first = sum();
    List<String> operators = new ArrayList<>();
    List<Expression> operands = new ArrayList<>();
    for (String operator = comparisonOperator(); operator != null; ) {
      operators.add(operator);
      operands.add(sum());
      operator = comparisonOperator();
    }
    if (operators.isEmpty()) {
      return first;
    }
    return s -> {
      Object left = first.evaluate(s);
      for (int i = 0; i < operators.size(); i++) {
        Object right = operands.get(i).evaluate(s);
        if (!Operators.compare(operators.get(i), left, right)) {
          return false;
        }
        left = right;
      }
      return true;
    };
  }

  /** Takes the operator if there is one, else returns null. */
  private String comparisonOperator() {
    Token token = tokens.current();
    if (token.kind() == Token.Kind.OPERATOR && COMPARISONS.contains(token.text())) {
      return tokens.next().text();
    }
    if (tokens.skipName("in")) {
      return "in";
    }
    if (token.isName("not") && tokens.look().isName("in")) {
      tokens.next();
      tokens.next();
      return "not in";
    }
    return null;
  }

  private Expression sum() {
    Expression left = joined();
    while (tokens.current().isOperator("+") || tokens.current().isOperator("-")) {
      left = binary(tokens.next().text(), left, joined());
    }
    return left;
  }

  private Expression joined() {
    List<Expression> parts = new ArrayList<>(List.of(product()));
    while (tokens.skipOperator("~")) {
      parts.add(product());
    }
    return parts.size() == 1
        ? parts.get(0)
        : s -> s.rendering().charged(Operators.joined(evaluated(parts, s)));
  }

  private Expression product() {
    Expression left = power();
    while (tokens.current().kind() == Token.Kind.OPERATOR
        && Set.of("*", "/", "//", "%").contains(tokens.current().text())) {
      left = binary(tokens.next().text(), left, power());
    }
    return left;
  }

  private Expression power() {
    Expression left = unary(true);
    while (tokens.skipOperator("**")) {
      left = binary("**", left, unary(true));
    }
    return left;
  }

  private static Expression binary(String operator, Expression left, Expression right) {
    return s ->
        s.rendering().charged(Operators.binary(operator, left.evaluate(s), right.evaluate(s)));
  }

  private Expression unary(boolean withFilters) {
    if (++depth > DEPTH_MAX) {
      throw error("expressions are nested deeper than " + DEPTH_MAX);
    }
    Expression value;
    if (tokens.current().isOperator("-") || tokens.current().isOperator("+")) {
      boolean negative = tokens.next().text().equals("-");
      Expression operand = unary(false);
      value = s -> signed(operand.evaluate(s), negative);
    } else {
      value = primary();
    }
    value = postfix(value);
    depth--;
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
        Expression inner = tuple(true, true);
        tokens.expectOperator(")");
        return inner;
      case "[":
        List<Expression> items = new ArrayList<>();
        while (!tokens.skipOperator("]")) {
          items.add(expression());
          if (!tokens.current().isOperator("]")) {
            tokens.expectOperator(",");
          }
        }
        return s -> Sequence.list(evaluated(items, s));
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
      keys.add(expression());
      tokens.expectOperator(":");
      values.add(expression());
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
    Expression start = tokens.current().isOperator(":") ? none : expression();
    if (!tokens.skipOperator(":")) {
      tokens.expectOperator("]");
      return s -> Access.item(owner.evaluate(s), start.evaluate(s));
    }
    Expression stop = atSliceEnd() ? none : expression();
    Expression step = tokens.skipOperator(":") && !atSliceEnd() ? expression() : none;
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
    return new CallExpression(callee, ArgumentList.parse(tokens, this));
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
        tokens.current().isOperator("(") ? ArgumentList.parse(tokens, this) : ArgumentList.NONE;
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
      return ArgumentList.parse(tokens, this);
    }
    if (token.isName("is")) {
      throw error("tests cannot be chained with 'is'");
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

  TemplateSyntaxException error(String message) {
    return TemplateSyntaxException.at(tokens.current(), message);
  }
}

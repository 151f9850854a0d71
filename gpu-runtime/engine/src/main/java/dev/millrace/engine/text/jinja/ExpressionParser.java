package dev.millrace.engine.text.jinja;

import dev.millrace.engine.text.jinja.value.Sequence;
import dev.millrace.engine.text.jinja.value.Undefined;
import dev.millrace.engine.text.jinja.value.Values;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Parses expressions, with Jinja's precedence. */
final class ExpressionParser {
  private static final int DEPTH_MAX = 100;
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

  private final TokenStream tokens;
  private final OperandParser operands;
  private int depth;

  ExpressionParser(TokenStream tokens) {
    this.tokens = tokens;
    this.operands = new OperandParser(tokens, this);
  }

  OperandParser operands() {
    return operands;
  }

  Expression expression() {
    enter();
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
    leave();
    return value;
  }

  /** Counts nesting, of expressions in brackets and of signs alike. */
  void enter() {
    if (++depth > DEPTH_MAX) {
      throw error("expressions are nested deeper than " + DEPTH_MAX);
    }
  }

  void leave() {
    depth--;
  }

  /** An expression without {@code if}, or several with commas between: a tuple. */
  Expression tupleWithoutCondition() {
    return tuple(false, false);
  }

  /** An expression, or several with commas between: a tuple. */
  Expression tuple() {
    return tuple(true, false);
  }

  Expression tuple(boolean conditions, boolean maybeEmpty) {
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

  static List<Object> evaluated(List<Expression> items, Scope scope) {
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
    Expression left = operands.operand();
    while (tokens.skipOperator("**")) {
      left = binary("**", left, operands.operand());
    }
    return left;
  }

  private static Expression binary(String operator, Expression left, Expression right) {
    return s ->
        s.rendering().charged(Operators.binary(operator, left.evaluate(s), right.evaluate(s)));
  }

  TemplateSyntaxException error(String message) {
    return TemplateSyntaxException.at(tokens.current(), message);
  }
}

package dev.millrace.engine.text.jinja;

import dev.millrace.engine.text.jinja.value.Callable;
import dev.millrace.engine.text.jinja.value.Printer;
import dev.millrace.engine.text.jinja.value.Values;
import dev.millrace.engine.text.taint.TaintedText;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Parses the statements of a template. */
final class StatementParser {
  private static final int DEPTH_MAX = 60;

  private final TokenStream tokens;
  private final ExpressionParser expressions;
  private int depth;
  private int loops;

  StatementParser(List<Token> tokens) {
    this.tokens = new TokenStream(tokens);
    this.expressions = new ExpressionParser(this.tokens);
  }

  Statement template() {
    Statement all = body(Set.of());
    if (tokens.current().kind() != Token.Kind.END) {
      throw expressions.error("unexpected " + tokens.current().shown());
    }
    return all;
  }

  /** Statements up to a tag that is one of the ends; that tag's name comes next then. */
  private Statement body(Set<String> ends) {
    if (++depth > DEPTH_MAX) {
      throw expressions.error("statements are nested deeper than " + DEPTH_MAX);
    }
    List<Statement> statements = new ArrayList<>();
    while (true) {
      Token token = tokens.current();
      switch (token.kind()) {
        case DATA -> {
          TaintedText text = TaintedText.trusted(tokens.next().text());
          statements.add(scope -> write(scope, text));
        }
        case OUTPUT_BEGIN -> {
          tokens.next();
          Expression value = expressions.tuple();
          tokens.expect(Token.Kind.OUTPUT_END, "the end of the expression");
          statements.add(print(value).at(token.line()));
        }
        case STATEMENT_BEGIN -> {
          tokens.next();
          if (tokens.current().kind() == Token.Kind.NAME
              && ends.contains(tokens.current().text())) {
            depth--;
            return Statement.sequence(statements);
          }
          statements.add(statement().at(token.line()));
          tokens.expect(Token.Kind.STATEMENT_END, "the end of the statement");
        }
        default -> {
          if (!ends.isEmpty()) {
            throw expressions.error("expected one of " + ends + ", found " + token.shown());
          }
          return Statement.sequence(statements);
        }
      }
    }
  }

  /** Statements up to one end tag, which is read up to before its closing. */
  private Statement bodyUpTo(String end) {
    tokens.expect(Token.Kind.STATEMENT_END, "the end of the statement");
    Statement body = body(Set.of(end));
    tokens.expectName(end);
    return body;
  }

  private static Statement.Flow write(Scope scope, TaintedText text) {
    scope.rendering().write(text);
    return Statement.Flow.NEXT;
  }

  private static Statement print(Expression value) {
    return scope -> write(scope, Printer.print(value.evaluate(scope)));
  }

  private Statement statement() {
    Token tag = tokens.expect(Token.Kind.NAME, "the name of a statement");
    return switch (tag.text()) {
      case "if" -> ifStatement();
      case "for" -> forStatement();
      case "set" -> setStatement();
      case "macro" -> macroStatement();
      case "call" -> callStatement();
      case "filter" -> filterStatement();
      case "with" -> withStatement();
      case "generation" -> generationStatement();
      case "break" -> jump(tag, Statement.Flow.BREAK);
      case "continue" -> jump(tag, Statement.Flow.CONTINUE);
      default ->
          throw TemplateSyntaxException.at(
              tag, "the statement '" + tag.text() + "' is not supported here");
    };
  }

  private Statement jump(Token tag, Statement.Flow flow) {
    if (loops == 0) {
      throw TemplateSyntaxException.at(tag, "'" + tag.text() + "' outside of a loop");
    }
    return scope -> flow;
  }

  private Statement ifStatement() {
    List<Expression> conditions = new ArrayList<>();
    List<Statement> branches = new ArrayList<>();
    Statement otherwise = Statement.sequence(List.of());
    conditions.add(expressions.tupleWithoutCondition());
    while (true) {
      tokens.expect(Token.Kind.STATEMENT_END, "the end of the statement");
      branches.add(body(Set.of("elif", "else", "endif")));
      String end = tokens.next().text();
      if (end.equals("elif")) {
        conditions.add(expressions.tupleWithoutCondition());
        continue;
      }
      if (end.equals("else")) {
        otherwise = bodyUpTo("endif");
      }
      break;
    }
    Statement last = otherwise;
    return scope -> {
      for (int i = 0; i < conditions.size(); i++) {
        if (Values.isTrue(conditions.get(i).evaluate(scope))) {
          return branches.get(i).execute(scope);
        }
      }
      return last.execute(scope);
    };
  }

  private Statement forStatement() {
    Target target = Target.parse(tokens, false);
    tokens.expectName("in");
    Expression iterable = expressions.tupleWithoutCondition();
    Expression condition = tokens.skipName("if") ? expressions.expression() : null;
    if (tokens.current().isName("recursive")) {
      throw expressions.error("loops that call themselves ('recursive') are not supported");
    }
    tokens.expect(Token.Kind.STATEMENT_END, "the end of the statement");
    loops++;
    Statement body = body(Set.of("else", "endfor"));
    loops--;
    Statement otherwise = Statement.sequence(List.of());
    if (tokens.next().text().equals("else")) {
      otherwise = bodyUpTo("endfor");
    }
    return new ForStatement(target, iterable, condition, body, otherwise);
  }

  private Statement setStatement() {
    Target target = Target.parse(tokens, true);
    if (tokens.skipOperator("=")) {
      Expression value = expressions.tuple();
      return scope -> {
        target.assign(scope, value.evaluate(scope));
        return Statement.Flow.NEXT;
      };
    }
    // A filter reads what the block wrote through this slot of the scope.
    Expression captured = filters(scope -> scope.get(CAPTURED));
    Statement body = bodyUpTo("endset");
    return scope -> {
      Scope inner = scope.inner();
      inner.set(CAPTURED, scope.rendering().capture(body, inner));
      target.assign(scope, captured.evaluate(inner));
      return Statement.Flow.NEXT;
    };
  }

  /** No template can spell this name. */
  private static final String CAPTURED = "%captured";

  private Expression filters(Expression value) {
    Expression filtered = value;
    while (tokens.skipOperator("|")) {
      filtered = expressions.filter(filtered);
    }
    return filtered;
  }

  private Statement filterStatement() {
    Expression filtered = filters(expressions.filter(scope -> scope.get(CAPTURED)));
    Statement body = bodyUpTo("endfilter");
    return scope -> {
      Scope inner = scope.inner();
      inner.set(CAPTURED, scope.rendering().capture(body, inner));
      return write(scope, Printer.print(filtered.evaluate(inner)));
    };
  }

  private Statement macroStatement() {
    String name = tokens.expect(Token.Kind.NAME, "the name of the macro").text();
    Macro macro = macro(name, true, "endmacro");
    return scope -> {
      scope.set(name, macro.over(scope));
      return Statement.Flow.NEXT;
    };
  }

  /** Parameters and body of a macro or of a call block. */
  private Macro macro(String name, boolean parametersFirst, String end) {
    List<String> parameters = new ArrayList<>();
    List<Expression> defaults = new ArrayList<>();
    if (parametersFirst) {
      parameters(parameters, defaults);
    }
    Set<String> before = expressions.startNames();
    int loopsAround = loops;
    loops = 0;
    Statement body = bodyUpTo(end);
    loops = loopsAround;
    return new Macro(name, parameters, defaults, body, expressions.endNames(before));
  }

  private void parameters(List<String> parameters, List<Expression> defaults) {
    tokens.expectOperator("(");
    while (!tokens.skipOperator(")")) {
      Token parameter = tokens.expect(Token.Kind.NAME, "the name of a parameter");
      if (parameters.contains(parameter.text())) {
        throw TemplateSyntaxException.at(parameter, "the parameter is named twice");
      }
      parameters.add(parameter.text());
      if (tokens.skipOperator("=")) {
        defaults.add(expressions.expression());
      } else if (!defaults.isEmpty()) {
        throw TemplateSyntaxException.at(
            parameter, "a parameter without a default after one with a default");
      }
      if (!tokens.current().isOperator(")")) {
        tokens.expectOperator(",");
      }
    }
  }

  private Statement callStatement() {
    List<String> parameters = new ArrayList<>();
    List<Expression> defaults = new ArrayList<>();
    if (tokens.current().isOperator("(")) {
      parameters(parameters, defaults);
    }
    Token start = tokens.current();
    if (!(expressions.expression() instanceof CallExpression call)) {
      throw TemplateSyntaxException.at(start, "expected a call");
    }
    Macro body = macro("caller", false, "endcall");
    Macro caller = new Macro("caller", parameters, defaults, body.body(), body.namesRead());
    return scope -> {
      Callable bound = caller.over(scope);
      return write(scope, Printer.print(call.evaluateWithCaller(scope, bound)));
    };
  }

  private Statement withStatement() {
    List<Target> targets = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (tokens.current().kind() != Token.Kind.STATEMENT_END) {
      if (!targets.isEmpty()) {
        tokens.expectOperator(",");
      }
      Token name = tokens.expect(Token.Kind.NAME, "a name to assign to");
      targets.add((scope, value) -> scope.set(name.text(), value));
      tokens.expectOperator("=");
      values.add(expressions.expression());
    }
    Statement body = bodyUpTo("endwith");
    return scope -> {
      Scope inner = scope.inner();
      for (int i = 0; i < targets.size(); i++) {
        targets.get(i).assign(inner, values.get(i).evaluate(scope));
      }
      return body.execute(inner);
    };
  }

  /** Marks what the assistant wrote, for training; here its body alone counts. */
  private Statement generationStatement() {
    int loopsAround = loops;
    loops = 0;
    Statement body = bodyUpTo("endgeneration");
    loops = loopsAround;
    return scope -> body.execute(scope.inner());
  }
}

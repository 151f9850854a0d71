package dev.millrace.engine.text.jinja;

import java.util.List;

/** Reads tokens in order, looking one ahead. */
final class TokenStream {
  private final List<Token> tokens;
  private int at;

  TokenStream(List<Token> tokens) {
    this.tokens = tokens;
  }

  Token current() {
    return tokens.get(at);
  }

  Token look() {
    return tokens.get(Math.min(at + 1, tokens.size() - 1));
  }

  Token next() {
    Token token = tokens.get(at);
    if (token.kind() != Token.Kind.END) {
      at++;
    }
    return token;
  }

  boolean skipOperator(String operator) {
    boolean found = current().isOperator(operator);
    if (found) {
      next();
    }
    return found;
  }

  boolean skipName(String name) {
    boolean found = current().isName(name);
    if (found) {
      next();
    }
    return found;
  }

  Token expect(Token.Kind kind, String what) {
    if (current().kind() != kind) {
      throw TemplateSyntaxException.at(
          current(), "expected " + what + ", found " + current().shown());
    }
    return next();
  }

  void expectOperator(String operator) {
    if (!skipOperator(operator)) {
      throw TemplateSyntaxException.at(
          current(), "expected '" + operator + "', found " + current().shown());
    }
  }

  void expectName(String name) {
    if (!skipName(name)) {
      throw TemplateSyntaxException.at(
          current(), "expected '" + name + "', found " + current().shown());
    }
  }
}

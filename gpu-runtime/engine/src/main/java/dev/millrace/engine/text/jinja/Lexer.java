package dev.millrace.engine.text.jinja;

import dev.millrace.engine.text.jinja.value.Texts;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a template into tokens, with {@code trim_blocks} and {@code lstrip_blocks} set and one
 * newline at its end dropped, as Hugging Face transformers sets Jinja up.
 */
final class Lexer {
  private static final Pattern RAW_BEGIN =
      Pattern.compile("\\{%([-+]?)\\s*raw\\s*(-%}\\s*|%})", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern RAW_END =
      Pattern.compile(
          "\\{%([-+]?)\\s*endraw\\s*(\\+%}|-%}\\s*|%}\\n?)", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern COMMENT_END =
      Pattern.compile("\\+#}|-#}\\s*|#}\\n?", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern STATEMENT_END =
      Pattern.compile("\\+%}|-%}\\s*|%}\\n?", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern OUTPUT_END =
      Pattern.compile("-}}\\s*|}}", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern FLOAT =
      Pattern.compile(
          "(?<!\\.)(\\d+_)*\\d+((\\.(\\d+_)*\\d+)?[eE][+-]?(\\d+_)*\\d+|\\.(\\d+_)*\\d+)");
  private static final Pattern INTEGER =
      Pattern.compile("0[bB](_?[01])+|0[oO](_?[0-7])+|0[xX](_?[0-9a-fA-F])+|[1-9](_?\\d)*|0(_?0)*");
  private static final Pattern NAME = Pattern.compile("[\\p{L}_][\\p{L}\\p{M}\\p{N}\\p{Pc}]*");
  private static final Pattern STRING =
      Pattern.compile("'(?:[^'\\\\]++|\\\\.)*+'|\"(?:[^\"\\\\]++|\\\\.)*+\"", Pattern.DOTALL);
  private static final Pattern OPERATOR =
      Pattern.compile("//|\\*\\*|==|!=|>=|<=|[-+/*%~\\[\\](){}><=.:|,;]");

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int at;
  private boolean lineStarting = true;

  private Lexer(String source) {
    this.source = source;
  }

  static List<Token> tokenize(String template) {
    String source = template.replace("\r\n", "\n").replace('\r', '\n');
    if (source.endsWith("\n")) {
      source = source.substring(0, source.length() - 1);
    }
    Lexer lexer = new Lexer(source);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    while (at < source.length()) {
      int tag = nextTag(at);
      if (tag < 0) {
        data(source.substring(at), at);
        at = source.length();
      } else {
        tag(tag);
      }
    }
    add(Token.Kind.END, "", at);
  }

  private int nextTag(int from) {
    for (int i = source.indexOf('{', from); i >= 0; i = source.indexOf('{', i + 1)) {
      if (i + 1 < source.length() && "%{#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return -1;
  }

  private void tag(int tag) {
    char kind = source.charAt(tag + 1);
    Matcher raw = matcher(RAW_BEGIN, tag);
    boolean isRaw = kind == '%' && raw.lookingAt();
    char sign = tag + 2 < source.length() ? source.charAt(tag + 2) : 0;
    data(stripped(source.substring(at, tag), sign, kind != '{'), at);
    at = tag + (sign == '-' || sign == '+' ? 3 : 2);
    if (isRaw) {
      finish(raw);
      raw(tag);
    } else if (kind == '#') {
      Matcher end = COMMENT_END.matcher(source);
      if (!end.find(at)) {
        throw error("the comment has no end", tag);
      }
      finish(end);
    } else if (kind == '%') {
      add(Token.Kind.STATEMENT_BEGIN, "{%", tag);
      inside(STATEMENT_END, Token.Kind.STATEMENT_END, tag);
    } else {
      add(Token.Kind.OUTPUT_BEGIN, "{{", tag);
      inside(OUTPUT_END, Token.Kind.OUTPUT_END, tag);
    }
  }

  /** White space before a tag goes with {@code -}, and before a statement alone on its line. */
  private String stripped(String text, char sign, boolean stripsLine) {
    if (sign == '-') {
      int end = text.length();
      while (end > 0 && Texts.isSpace(text.charAt(end - 1))) {
        end--;
      }
      return text.substring(0, end);
    }
    int lineStart = text.lastIndexOf('\n') + 1;
    boolean blank = text.substring(lineStart).chars().allMatch(Texts::isSpace);
    return sign != '+' && stripsLine && blank && (lineStart > 0 || lineStarting)
        ? text.substring(0, lineStart)
        : text;
  }

  private void raw(int tag) {
    Matcher end = RAW_END.matcher(source);
    if (!end.find(at)) {
      throw error("the raw block has no end", tag);
    }
    String sign = end.group(1);
    data(
        stripped(source.substring(at, end.start()), sign.isEmpty() ? 0 : sign.charAt(0), true), at);
    finish(end);
  }

  private void inside(Pattern endPattern, Token.Kind endKind, int tag) {
    Deque<Character> open = new ArrayDeque<>();
    while (at < source.length()) {
      Matcher end = matcher(endPattern, at);
      if (open.isEmpty() && end.lookingAt()) {
        add(endKind, end.group(), at);
        finish(end);
        return;
      }
      if (Texts.isSpace(source.charAt(at))) {
        at++;
      } else {
        token(open);
      }
    }
    throw error("the tag has no end", tag);
  }

  private void token(Deque<Character> open) {
    if (take(FLOAT, Token.Kind.FLOAT)
        || take(INTEGER, Token.Kind.INTEGER)
        || take(NAME, Token.Kind.NAME)) {
      return;
    }
    Matcher string = matcher(STRING, at);
    if (string.lookingAt()) {
      int start = at;
      String body = source.substring(at + 1, string.end() - 1);
      try {
        add(Token.Kind.STRING, StringEscapes.unescape(body), start);
      } catch (IllegalArgumentException e) {
        throw error(e.getMessage(), start);
      }
      at = string.end();
      return;
    }
    int start = at;
    if (!take(OPERATOR, Token.Kind.OPERATOR)) {
      throw error("unexpected character '" + Character.toString(source.codePointAt(at)) + "'", at);
    }
    balance(open, source.charAt(start), start);
  }

  private void balance(Deque<Character> open, char operator, int position) {
    int opening = "([{".indexOf(operator);
    if (opening >= 0) {
      open.push(")]}".charAt(opening));
    } else if (")]}".indexOf(operator) >= 0 && (open.isEmpty() || open.pop() != operator)) {
      throw error("unexpected '" + operator + "'", position);
    }
  }

  private boolean take(Pattern pattern, Token.Kind kind) {
    Matcher matcher = matcher(pattern, at);
    if (!matcher.lookingAt()) {
      return false;
    }
    add(kind, matcher.group(), at);
    at = matcher.end();
    return true;
  }

  private Matcher matcher(Pattern pattern, int from) {
    return pattern.matcher(source).region(from, source.length()).useTransparentBounds(true);
  }

  private void finish(Matcher end) {
    at = end.end();
    lineStarting = source.charAt(at - 1) == '\n';
  }

  private void data(String text, int position) {
    if (!text.isEmpty()) {
      add(Token.Kind.DATA, text, position);
    }
  }

  private void add(Token.Kind kind, String text, int position) {
    tokens.add(new Token(kind, text, line(position), column(position)));
  }

  private TemplateSyntaxException error(String message, int position) {
    return new TemplateSyntaxException(message, line(position), column(position));
  }

  private int lineKnownAt;
  private int lineKnown = 1;

  private int line(int position) {
    if (position < lineKnownAt) {
      lineKnownAt = 0;
      lineKnown = 1;
    }
    for (; lineKnownAt < position; lineKnownAt++) {
      lineKnown += source.charAt(lineKnownAt) == '\n' ? 1 : 0;
    }
    return lineKnown;
  }

  private int column(int position) {
    return position - source.lastIndexOf('\n', position - 1);
  }
}

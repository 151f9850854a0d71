package dev.millrace.engine.text.jinja;

import dev.millrace.engine.text.jinja.value.TemplateException;
import java.util.List;

/** A compiled statement. */
@FunctionalInterface
interface Statement {
  /** How a statement ended. */
  enum Flow {
    NEXT,
    BREAK,
    CONTINUE
  }

  Flow execute(Scope scope);

  /** Names the line in failures and counts the step. */
  default Statement at(int line) {
    return scope -> {
      try {
        scope.rendering().budget().step();
        return execute(scope);
      } catch (TemplateException e) {
        throw e.at(line);
      }
    };
  }

  static Statement sequence(List<Statement> statements) {
    Statement[] all = statements.toArray(Statement[]::new);
    return scope -> {
      for (Statement statement : all) {
        Flow flow = statement.execute(scope);
        if (flow != Flow.NEXT) {
          return flow;
        }
      }
      return Flow.NEXT;
    };
  }
}

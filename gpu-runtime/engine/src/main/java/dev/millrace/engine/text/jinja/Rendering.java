package dev.millrace.engine.text.jinja;

import dev.millrace.engine.text.jinja.value.Budget;
import dev.millrace.engine.text.jinja.value.Sequence;
import dev.millrace.engine.text.jinja.value.Values;
import dev.millrace.engine.text.taint.TaintedText;

/** The state of one rendering: what was written, what was used up. Not thread-safe. */
final class Rendering {
  private final Budget budget = new Budget();
  private TaintedText.Builder out = new TaintedText.Builder();

  Budget budget() {
    return budget;
  }

  void write(TaintedText text) {
    budget.charge(text.length());
    out.append(text);
  }

  TaintedText written() {
    return out.build();
  }

  /** What a statement writes, kept from the output. */
  TaintedText capture(Statement body, Scope scope) {
    TaintedText.Builder around = out;
    out = new TaintedText.Builder();
    try {
      body.execute(scope);
      return out.build();
    } finally {
      out = around;
    }
  }

  /** Counts what an expression made. */
  Object charged(Object value) {
    if (Values.isText(value)) {
      budget.charge(Values.text(value).length());
    } else if (value instanceof Sequence sequence && sequence.isIndexed()) {
      budget.charge(sequence.items().size());
    }
    return value;
  }
}

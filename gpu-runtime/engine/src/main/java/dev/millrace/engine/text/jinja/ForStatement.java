package dev.millrace.engine.text.jinja;

import dev.millrace.engine.text.jinja.value.Values;
import java.util.ArrayList;
import java.util.List;

/**
 * A loop. Each round has variables of its own.
 *
 * @param condition which items count; null for all
 * @param otherwise what runs if there is no item
 */
record ForStatement(
    Target target, Expression iterable, Expression condition, Statement body, Statement otherwise)
    implements Statement {
  @Override
  public Flow execute(Scope scope) {
    List<Object> items = selected(scope);
    if (items.isEmpty()) {
      return otherwise.execute(scope.inner());
    }
    Loop loop = new Loop(items);
    for (int i = 0; i < items.size(); i++) {
      scope.rendering().budget().step();
      Scope round = scope.inner();
      loop.moveTo(i);
      round.set("loop", loop);
      target.assign(round, items.get(i));
      if (body.execute(round) == Flow.BREAK) {
        break;
      }
    }
    return Flow.NEXT;
  }

  private List<Object> selected(Scope scope) {
    List<Object> items = Values.iterate(iterable.evaluate(scope));
    if (condition == null) {
      return items;
    }
    List<Object> selected = new ArrayList<>();
    for (Object item : items) {
      scope.rendering().budget().step();
      Scope round = scope.inner();
      target.assign(round, item);
      if (Values.isTrue(condition.evaluate(round))) {
        selected.add(item);
      }
    }
    return selected;
  }
}

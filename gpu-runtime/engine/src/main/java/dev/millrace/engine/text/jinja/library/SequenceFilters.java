package dev.millrace.engine.text.jinja.library;

import dev.millrace.engine.text.jinja.value.Arguments;
import dev.millrace.engine.text.jinja.value.Dict;
import dev.millrace.engine.text.jinja.value.None;
import dev.millrace.engine.text.jinja.value.Numbers;
import dev.millrace.engine.text.jinja.value.Printer;
import dev.millrace.engine.text.jinja.value.Sequence;
import dev.millrace.engine.text.jinja.value.TemplateException;
import dev.millrace.engine.text.jinja.value.Undefined;
import dev.millrace.engine.text.jinja.value.Values;
import dev.millrace.engine.text.taint.TaintedText;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** The filters of lists, tuples and mappings. */
final class SequenceFilters {
  private static final int BATCH_MAX = 10_000;

  private SequenceFilters() {}

  static Map<String, Filter> all() {
    Map<String, Filter> filters = new HashMap<>();
    filters.put("batch", SequenceFilters::batch);
    filters.put("count", (v, a) -> Values.length(v));
    filters.put("dictsort", SequenceFilters::dictSort);
    filters.put("first", (v, a) -> first(Values.iterate(v), "first"));
    filters.put("items", (v, a) -> items(v));
    filters.put("join", SequenceFilters::join);
    filters.put("last", (v, a) -> last(v));
    filters.put("length", (v, a) -> Values.length(v));
    filters.put("list", (v, a) -> Sequence.list(Values.iterate(v)));
    filters.put("map", SequenceFilters::map);
    filters.put("max", (v, a) -> extreme(v, a, "max", 1));
    filters.put("min", (v, a) -> extreme(v, a, "min", -1));
    filters.put("reject", (v, a) -> select(v, a, false, false));
    filters.put("rejectattr", (v, a) -> select(v, a, true, false));
    filters.put("reverse", (v, a) -> reverse(v));
    filters.put("select", (v, a) -> select(v, a, false, true));
    filters.put("selectattr", (v, a) -> select(v, a, true, true));
    filters.put("sort", SequenceFilters::sort);
    filters.put("sum", SequenceFilters::sum);
    filters.put("unique", SequenceFilters::unique);
    return filters;
  }

  private static Sequence generator(List<Object> items) {
    return Sequence.of(Sequence.Kind.GENERATOR, items);
  }

  private static Object batch(Object value, Arguments arguments) {
    arguments.expect("batch", "linecount", "fill_with");
    int size = Values.toIndex(arguments.require(0, "linecount"));
    Object fill = arguments.get(1, "fill_with", None.NONE);
    if (size < 1 || size > BATCH_MAX) {
      throw new TemplateException("batch: 1 to " + BATCH_MAX + " items, found " + size);
    }
    List<Object> items = Values.iterate(value);
    List<Object> batches = new ArrayList<>();
    for (int from = 0; from < items.size(); from += size) {
      List<Object> batch =
          new ArrayList<>(items.subList(from, Math.min(items.size(), from + size)));
      while (!(fill instanceof None) && batch.size() < size) {
        batch.add(fill);
      }
      batches.add(Sequence.list(batch));
    }
    return generator(batches);
  }

  private static Object dictSort(Object value, Arguments arguments) {
    arguments.expect("dictsort", "case_sensitive", "by", "reverse");
    Dict dict = requireDict(value, "dictsort");
    boolean caseSensitive = arguments.flag(0, "case_sensitive", false);
    String by = arguments.text(1, "by", "key").text();
    if (!by.equals("key") && !by.equals("value")) {
      throw new TemplateException("You can only sort by either \"key\" or \"value\"");
    }
    int position = by.equals("key") ? 0 : 1;
    return Sequence.list(
        sorted(
            dict.items(),
            item -> ignoringCase(((Sequence) item).items().get(position), caseSensitive),
            arguments.flag(2, "reverse", false)));
  }

  private static Dict requireDict(Object value, String filter) {
    Values.rejectUndefined(value);
    if (value instanceof Dict dict) {
      return dict;
    }
    throw new TemplateException(filter + ": expected a mapping, found " + Values.typeName(value));
  }

  private static Object items(Object value) {
    return generator(value instanceof Undefined ? List.of() : requireDict(value, "items").items());
  }

  private static Object first(List<Object> items, String which) {
    return items.isEmpty()
        ? Undefined.because("No " + which + " item, sequence was empty.")
        : items.get(0);
  }

  private static Object last(Object value) {
    return first(reversed(value), "last");
  }

  private static List<Object> reversed(Object value) {
    if (value instanceof Sequence sequence) {
      sequence.items(); // a generator cannot be gone through backwards
    }
    List<Object> items = new ArrayList<>(Values.iterate(value));
    Collections.reverse(items);
    return items;
  }

  private static Object reverse(Object value) {
    return Values.isText(value)
        ? Values.slice(value, None.NONE, None.NONE, -1L)
        : generator(reversed(value));
  }

  private static Object join(Object value, Arguments arguments) {
    arguments.expect("join", "d", "attribute");
    TaintedText separator = Printer.print(arguments.get(0, "d", TaintedText.EMPTY));
    UnaryOperator<Object> key = getter(arguments.get(1, "attribute", None.NONE));
    TaintedText.Builder joined = new TaintedText.Builder();
    boolean first = true;
    for (Object item : Values.iterate(value)) {
      if (!first) {
        joined.append(separator);
      }
      joined.append(Printer.print(key.apply(item)));
      first = false;
    }
    return joined.build();
  }

  private static Object map(Object value, Arguments arguments) {
    UnaryOperator<Object> change;
    if (arguments.positional().isEmpty() && arguments.named().containsKey("attribute")) {
      arguments.expect("map", "attribute", "default");
      Object absent = arguments.get(1, "default", None.NONE);
      UnaryOperator<Object> key = getter(arguments.named().get("attribute"), absent);
      change = key;
    } else {
      String name = arguments.requireText(0, "name of a filter").text();
      Filter filter =
          Filters.find(name)
              .orElseThrow(() -> new TemplateException("No filter named '" + name + "'."));
      Arguments rest = arguments.dropFirst(1);
      change = item -> filter.apply(item, rest);
    }
    List<Object> mapped = new ArrayList<>();
    iterateIfTrue(value).forEach(item -> mapped.add(change.apply(item)));
    return generator(mapped);
  }

  /** Jinja's map and select take None, too, as nothing to go through. */
  private static List<Object> iterateIfTrue(Object value) {
    return Values.isTrue(value) ? Values.iterate(value) : List.of();
  }

  private static Object select(
      Object value, Arguments arguments, boolean byAttribute, boolean wanted) {
    int skipped = byAttribute ? 1 : 0;
    if (arguments.positional().size() < skipped) {
      throw new TemplateException("Missing parameter for attribute name");
    }
    UnaryOperator<Object> key = byAttribute ? getter(arguments.positional().get(0)) : item -> item;
    Predicate<Object> test = Values::isTrue;
    if (arguments.positional().size() > skipped) {
      String name =
          Values.requireText(arguments.positional().get(skipped), "name of a test").text();
      Tests.Test found =
          Tests.find(name)
              .orElseThrow(() -> new TemplateException("No test named '" + name + "'."));
      Arguments rest = arguments.dropFirst(skipped + 1);
      test = item -> found.check(item, rest);
    }
    List<Object> selected = new ArrayList<>();
    for (Object item : iterateIfTrue(value)) {
      if (test.test(key.apply(item)) == wanted) {
        selected.add(item);
      }
    }
    return generator(selected);
  }

  private static Object sort(Object value, Arguments arguments) {
    arguments.expect("sort", "reverse", "case_sensitive", "attribute");
    boolean caseSensitive = arguments.flag(1, "case_sensitive", false);
    Object attribute = arguments.get(2, "attribute", None.NONE);
    List<UnaryOperator<Object>> keys = new ArrayList<>();
    if (Values.isText(attribute)) {
      for (String one : Values.text(attribute).text().split(",", -1)) {
        keys.add(getter(TaintedText.trusted(one)));
      }
    } else {
      keys.add(getter(attribute));
    }
    return Sequence.list(
        sorted(
            Values.iterate(value),
            item ->
                Sequence.list(
                    keys.stream()
                        .map(key -> ignoringCase(key.apply(item), caseSensitive))
                        .toList()),
            arguments.flag(0, "reverse", false)));
  }

  /** Stable both ways round, as Python sorts. */
  private static List<Object> sorted(
      List<Object> items, UnaryOperator<Object> key, boolean reverse) {
    Comparator<Object> order = (a, b) -> Values.compare(key.apply(a), key.apply(b));
    List<Object> sorted = new ArrayList<>(items);
    sorted.sort(reverse ? order.reversed() : order);
    return sorted;
  }

  private static Object ignoringCase(Object value, boolean caseSensitive) {
    return !caseSensitive && Values.isText(value) ? TextMethods.lower(Values.text(value)) : value;
  }

  private static Object extreme(Object value, Arguments arguments, String name, int sign) {
    arguments.expect(name, "case_sensitive", "attribute");
    boolean caseSensitive = arguments.flag(0, "case_sensitive", false);
    UnaryOperator<Object> key = getter(arguments.get(1, "attribute", None.NONE));
    Object best = null;
    Object bestKey = null;
    for (Object item : Values.iterate(value)) {
      Object itemKey = ignoringCase(key.apply(item), caseSensitive);
      if (bestKey == null || sign * Values.compare(itemKey, bestKey) > 0) {
        best = item;
        bestKey = itemKey;
      }
    }
    return best == null ? Undefined.because("No aggregated item, sequence was empty.") : best;
  }

  private static Object sum(Object value, Arguments arguments) {
    arguments.expect("sum", "attribute", "start");
    UnaryOperator<Object> key = getter(arguments.get(0, "attribute", None.NONE));
    Object sum = arguments.get(1, "start", 0L);
    for (Object item : Values.iterate(value)) {
      Object number = key.apply(item);
      Values.rejectUndefined(number);
      if (!Values.isNumber(number) || !Values.isNumber(sum)) {
        throw new TemplateException("sum: expected numbers, found " + Values.typeName(number));
      }
      sum = Numbers.calculate("+", sum, number);
    }
    return sum;
  }

  private static Object unique(Object value, Arguments arguments) {
    arguments.expect("unique", "case_sensitive", "attribute");
    boolean caseSensitive = arguments.flag(0, "case_sensitive", false);
    UnaryOperator<Object> key = getter(arguments.get(1, "attribute", None.NONE));
    Dict seen = new Dict();
    List<Object> unique = new ArrayList<>();
    for (Object item : Values.iterate(value)) {
      int before = seen.size();
      seen.put(ignoringCase(key.apply(item), caseSensitive), item);
      if (seen.size() > before) {
        unique.add(item);
      }
    }
    return generator(unique);
  }

  private static UnaryOperator<Object> getter(Object attribute) {
    return getter(attribute, None.NONE);
  }

  /** Follows a dotted path of names and indexes; what is undefined on it becomes the default. */
  private static UnaryOperator<Object> getter(Object attribute, Object absent) {
    if (attribute instanceof None) {
      return item -> item;
    }
    List<Object> path = new ArrayList<>();
    if (Values.isText(attribute)) {
      for (String part : Values.text(attribute).text().split("\\.", -1)) {
        boolean index =
            !part.isEmpty()
                && part.length() < 10
                && part.chars().allMatch(c -> c >= '0' && c <= '9');
        path.add(index ? (Object) Long.valueOf(part) : TaintedText.trusted(part));
      }
    } else {
      path.add(attribute);
    }
    return item -> {
      Object found = item;
      for (Object part : path) {
        found = Access.item(found, part);
        found = found instanceof Undefined && !(absent instanceof None) ? absent : found;
      }
      return found;
    };
  }
}

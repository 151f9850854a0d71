package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.evaluate.report.History.Point;
import dev.millrace.jobs.evaluate.result.BaselineComparison;
import dev.millrace.jobs.evaluate.result.Interval;
import dev.millrace.jobs.evaluate.result.MetricValue;
import dev.millrace.jobs.evaluate.result.TaskResult;
import java.io.IOException;
import java.util.List;
import java.util.Locale;

/** The page's plots, as SVG inside the page: coloured by its style, named for screen readers. */
final class Plots {
  private static final int CHANGE_WIDTH = 150;
  private static final int CHANGE_HEIGHT = 22;
  private static final int SPARK_WIDTH = 96;
  private static final int SPARK_HEIGHT = 26;
  private static final int HISTORY_WIDTH = 680;
  private static final int HISTORY_HEIGHT = 190;
  private static final int LEFT = 58;
  private static final int RIGHT = 14;
  private static final int TOP = 12;
  private static final int BOTTOM = 26;

  private final HtmlWriter html;

  Plots(HtmlWriter html) {
    this.html = html;
  }

  /**
   * A change with its interval around zero.
   *
   * @param limit value at either end of the axis; what goes beyond is cut with an arrow
   */
  void change(MetricValue metric, BaselineComparison comparison, double limit) throws IOException {
    Interval interval = comparison.changeInterval();
    double low = interval == null ? comparison.change() : interval.low();
    double high = interval == null ? comparison.change() : interval.high();
    String tone = high < 0 ? "down" : low > 0 ? "up" : "level";
    String middle = number(CHANGE_HEIGHT / 2.0);
    begin(
        "change " + tone,
        CHANGE_WIDTH,
        CHANGE_HEIGHT,
        "Change "
            + Figures.change(metric, comparison.change())
            + (interval == null
                ? ""
                : ", 95 % interval " + Figures.changeRange(metric, comparison)));
    double zero = CHANGE_WIDTH / 2.0;
    line("axis", 0, CHANGE_HEIGHT / 2.0, CHANGE_WIDTH, CHANGE_HEIGHT / 2.0);
    line("zero", zero, 2, zero, CHANGE_HEIGHT - 2);
    double from = place(low, limit);
    double to = place(high, limit);
    html.open(
        "rect",
        "class",
        "bar",
        "x",
        number(from),
        "y",
        number(CHANGE_HEIGHT / 2.0 - 3),
        "width",
        number(Math.max(1.5, to - from)),
        "height",
        "6",
        "rx",
        "3");
    html.open(
        "circle",
        "class",
        "dot",
        "cx",
        number(place(comparison.change(), limit)),
        "cy",
        middle,
        "r",
        "4.5");
    html.close("svg");
  }

  private static double place(double value, double limit) {
    double inside = Math.max(-1, Math.min(1, value / limit));
    return CHANGE_WIDTH / 2.0 + inside * (CHANGE_WIDTH / 2.0 - 6);
  }

  /** The scores of the last nights as a small line without axes. */
  void spark(TaskResult task, List<Point> points) throws IOException {
    if (points.size() < 2) {
      html.element("span", Figures.NONE, "class", "quiet");
      return;
    }
    Axis axis = Axis.of(points.stream().map(p -> new Interval(p.score(), p.score())).toList());
    begin("spark", SPARK_WIDTH, SPARK_HEIGHT, caption(task, points));
    StringBuilder line = new StringBuilder();
    double x = 0;
    double y = 0;
    for (int i = 0; i < points.size(); i++) {
      x = 4 + (SPARK_WIDTH - 8.0) * i / (points.size() - 1);
      y = SPARK_HEIGHT - 4 - axis.share(points.get(i).score()) * (SPARK_HEIGHT - 8);
      line.append(number(x)).append(',').append(number(y)).append(' ');
    }
    html.open("polyline", "class", "line", "points", line.toString().strip());
    html.open("circle", "class", "dot", "cx", number(x), "cy", number(y), "r", "3");
    html.close("svg");
  }

  private static String caption(TaskResult task, List<Point> points) {
    Point first = points.get(0);
    Point last = points.get(points.size() - 1);
    return String.format(
        Locale.ROOT,
        "%s over %d nights: from %s on %s to %s on %s",
        task.metric().name(),
        points.size(),
        Figures.score(task.metric(), first.score()),
        Figures.day(first.at()),
        Figures.score(task.metric(), last.score()),
        Figures.day(last.at()));
  }

  /** The scores of the last nights with their intervals, by date, and the accepted score. */
  void history(TaskResult task, List<Point> points) throws IOException {
    Axis axis =
        Axis.of(
            points.stream()
                .map(p -> p.interval() == null ? new Interval(p.score(), p.score()) : p.interval())
                .toList());
    begin("history", HISTORY_WIDTH, HISTORY_HEIGHT, caption(task, points));
    for (double tick : axis.ticks()) {
      double y = y(axis, tick);
      line("grid", LEFT, y, HISTORY_WIDTH - RIGHT, y);
      label(LEFT - 8, y + 4, "end", Figures.score(task.metric(), tick));
    }
    if (task.baseline() != null && task.baseline().score() != null) {
      double y = y(axis, task.baseline().score());
      line("accepted", LEFT, y, HISTORY_WIDTH - RIGHT, y);
    }
    dates(points);
    StringBuilder path = new StringBuilder();
    for (Point point : points) {
      path.append(number(x(points, point))).append(',').append(number(y(axis, point.score())));
      path.append(' ');
    }
    html.open("polyline", "class", "line", "points", path.toString().strip());
    for (Point point : points) {
      point(task, points, axis, point);
    }
    html.close("svg");
  }

  private void point(TaskResult task, List<Point> points, Axis axis, Point point)
      throws IOException {
    double x = x(points, point);
    html.open("g", "class", "night " + point.verdict().name().toLowerCase(Locale.ROOT));
    html.element(
        "title",
        point.night()
            + ": "
            + Figures.score(task.metric(), point.score())
            + (point.interval() == null
                ? ""
                : " (" + Figures.range(task.metric(), point.interval()) + ")")
            + ", "
            + point.verdict());
    if (point.interval() != null) {
      double low = y(axis, point.interval().low());
      line("whisker", x, low, x, y(axis, point.interval().high()));
    }
    html.open(
        "circle", "class", "dot", "cx", number(x), "cy", number(y(axis, point.score())), "r", "4");
    html.close("g");
  }

  private void dates(List<Point> points) throws IOException {
    Point first = points.get(0);
    Point last = points.get(points.size() - 1);
    double y = HISTORY_HEIGHT - 7.0;
    label(x(points, first), y, points.size() == 1 ? "middle" : "start", Figures.day(first.at()));
    if (points.size() > 1) {
      label(x(points, last), y, "end", Figures.day(last.at()));
    }
  }

  /** By time, so that a night that is missing leaves a gap. */
  private static double x(List<Point> points, Point point) {
    long first = points.get(0).at().getEpochSecond();
    long last = points.get(points.size() - 1).at().getEpochSecond();
    double width = HISTORY_WIDTH - LEFT - RIGHT - 16.0;
    double share =
        last == first ? 0.5 : (double) (point.at().getEpochSecond() - first) / (last - first);
    return LEFT + 8 + share * width;
  }

  private static double y(Axis axis, double value) {
    double share = Math.max(0, Math.min(1, axis.share(value)));
    return HISTORY_HEIGHT - BOTTOM - share * (HISTORY_HEIGHT - TOP - BOTTOM);
  }

  /** A bar that is filled to a share. */
  void fill(double share, String name) throws IOException {
    begin("fill", 120, 10, name);
    html.open("rect", "class", "track", "width", "120", "height", "10", "rx", "3");
    String width = number(120 * Math.max(0, Math.min(1, share)));
    html.open("rect", "class", "bar", "width", width, "height", "10", "rx", "3");
    html.close("svg");
  }

  private void begin(String kind, int width, int height, String name) throws IOException {
    html.open(
        "svg",
        "class",
        kind,
        "viewBox",
        "0 0 " + width + " " + height,
        "width",
        Integer.toString(width),
        "height",
        Integer.toString(height),
        "role",
        "img",
        "aria-label",
        name);
  }

  private void line(String kind, double x1, double y1, double x2, double y2) throws IOException {
    html.open(
        "line",
        "class",
        kind,
        "x1",
        number(x1),
        "y1",
        number(y1),
        "x2",
        number(x2),
        "y2",
        number(y2));
  }

  private void label(double x, double y, String anchor, String text) throws IOException {
    html.element("text", text, "x", number(x), "y", number(y), "text-anchor", anchor);
  }

  private static String number(double value) {
    String text = String.format(Locale.ROOT, "%.1f", value);
    return text.endsWith(".0") ? text.substring(0, text.length() - 2) : text;
  }
}

package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.evaluate.result.BaselineComparison;
import dev.millrace.jobs.evaluate.result.NightResult;
import dev.millrace.jobs.evaluate.result.TaskResult;
import dev.millrace.jobs.evaluate.result.Verdict;
import dev.millrace.jobs.inert.InertText;
import java.io.StringWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

/**
 * A night as JUnit XML, the dialect that CI systems read (testsuites, testsuite, testcase with
 * failure, skipped, system-out): a suite is a suite on a model, a test case a task. A task whose
 * gate failed is a failure; a warning passes and says so in its output; a task without a score is
 * skipped.
 */
final class JunitXml {
  private final NightResult night;
  private final XMLStreamWriter xml;

  private JunitXml(NightResult night, XMLStreamWriter xml) {
    this.night = night;
    this.xml = xml;
  }

  static String of(NightResult night) {
    StringWriter out = new StringWriter();
    try {
      XMLStreamWriter xml = XMLOutputFactory.newFactory().createXMLStreamWriter(out);
      new JunitXml(night, xml).write();
      xml.close();
    } catch (XMLStreamException e) {
      throw new IllegalStateException("XML could not be written to memory", e);
    }
    return out.toString();
  }

  private void write() throws XMLStreamException {
    Map<String, List<TaskResult>> suites = new LinkedHashMap<>();
    for (TaskResult task : night.tasks()) {
      suites.computeIfAbsent(suite(task), name -> new ArrayList<>()).add(task);
    }
    xml.writeStartDocument("UTF-8", "1.0");
    xml.writeCharacters("\n");
    xml.writeStartElement("testsuites");
    attribute("name", night.specName() + " " + night.nightId());
    counts(night.tasks());
    double seconds = Duration.between(night.started(), night.ended()).toMillis() / 1e3;
    attribute("time", String.format(Locale.ROOT, "%.3f", seconds));
    for (Map.Entry<String, List<TaskResult>> suite : suites.entrySet()) {
      suite(suite.getKey(), suite.getValue());
    }
    xml.writeCharacters("\n");
    xml.writeEndElement();
    xml.writeCharacters("\n");
    xml.writeEndDocument();
  }

  private String suite(TaskResult task) {
    return night.models().size() > 1 ? task.model() + "." + task.suite() : task.suite();
  }

  private void counts(List<TaskResult> tasks) throws XMLStreamException {
    attribute("tests", Integer.toString(tasks.size()));
    attribute("failures", Long.toString(tasks.stream().filter(JunitXml::failed).count()));
    attribute("errors", "0");
    attribute("skipped", Long.toString(tasks.stream().filter(JunitXml::skipped).count()));
  }

  private static boolean failed(TaskResult task) {
    return task.gate().verdict() == Verdict.FAIL;
  }

  private static boolean skipped(TaskResult task) {
    return !failed(task) && task.metric().score() == null;
  }

  private void suite(String name, List<TaskResult> tasks) throws XMLStreamException {
    xml.writeCharacters("\n  ");
    xml.writeStartElement("testsuite");
    attribute("name", name);
    counts(tasks);
    attribute("timestamp", night.started().toString());
    for (TaskResult task : tasks) {
      testCase(name, task);
    }
    xml.writeCharacters("\n  ");
    xml.writeEndElement();
  }

  private void testCase(String suite, TaskResult task) throws XMLStreamException {
    xml.writeCharacters("\n    ");
    xml.writeStartElement("testcase");
    attribute("classname", suite);
    attribute("name", task.task());
    if (failed(task)) {
      xml.writeStartElement("failure");
      attribute("type", "gate");
      attribute("message", task.gate().sentence());
      xml.writeCharacters(xmlText(details(task)));
      xml.writeEndElement();
    } else if (skipped(task)) {
      xml.writeStartElement("skipped");
      attribute("message", "no row could be scored");
      xml.writeEndElement();
    }
    xml.writeStartElement("system-out");
    xml.writeCharacters(xmlText(details(task)));
    xml.writeEndElement();
    xml.writeEndElement();
  }

  private static String details(TaskResult task) {
    StringBuilder text = new StringBuilder();
    text.append(task.gate().verdict()).append(": ").append(task.gate().sentence()).append('\n');
    text.append(task.metric().name())
        .append(' ')
        .append(Figures.score(task.metric(), task.metric().score()))
        .append(" (")
        .append(Figures.range(task.metric(), task.metric().interval()))
        .append("), ")
        .append(task.rows())
        .append(" rows, ")
        .append(task.failures())
        .append(" without an answer\n");
    BaselineComparison comparison = task.baseline();
    if (comparison != null) {
      text.append("change ")
          .append(Figures.change(task.metric(), comparison.change()))
          .append(" (")
          .append(Figures.changeRange(task.metric(), comparison))
          .append(") against ")
          .append(comparison.nightId())
          .append('\n');
    }
    return text.toString();
  }

  private void attribute(String name, String value) throws XMLStreamException {
    xml.writeAttribute(name, xmlText(value));
  }

  /** XML 1.0 has no place for most control characters, not even escaped: they are made visible. */
  private static String xmlText(String text) {
    return InertText.block(text).replace('\uFFFE', '\uFFFD').replace('\uFFFF', '\uFFFD');
  }
}

package dev.millrace.jobs.evaluate.night;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.jobs.evaluate.night.NightEntry.Notice;
import dev.millrace.jobs.evaluate.night.Recipient.Message;
import dev.millrace.jobs.inert.InertText;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Tells people the verdict. Every recipient is tried a few times with growing pauses, each in turn;
 * one that fails holds up no other, changes no verdict, and is tried again by the next night.
 *
 * <p>What is sent, as JSON:
 *
 * <pre>
 * text       one line for chat rooms: "nightly 2026-11-25: FAIL. ..."
 * spec, night, verdict, exit_code, summary, tasks    as run.json has them
 * started, finished    ISO 8601, UTC
 * folder, report       paths on the machine that ran
 * </pre>
 */
final class Notifier {
  private static final Duration FIRST_PAUSE = Duration.ofSeconds(2);
  private static final int PAUSE_GROWTH = 4;
  private static final int TRIES_IN_ALL = 12;
  private static final int ERROR_CHARS_MAX = 300;

  private final List<Recipient> recipients;
  private final Pause pause;

  Notifier(List<Recipient> recipients, Pause pause) {
    this.recipients = List.copyOf(recipients);
    this.pause = pause;
  }

  /** How time passes between tries. */
  interface Pause {
    void sleep(Duration time) throws InterruptedException;
  }

  /** Tells all who have not heard yet; returns what is now known of each. */
  List<Notice> tell(NightEntry night, Path folder) {
    return tell(night, folder, Integer.MAX_VALUE);
  }

  /** The same with one try each: what is left of an earlier night must not hold up this one. */
  List<Notice> tellOnce(NightEntry night, Path folder) {
    return tell(night, folder, 1);
  }

  private List<Notice> tell(NightEntry night, Path folder, int triesMax) {
    List<Notice> known = new ArrayList<>();
    Message message = message(night, folder);
    for (int i = 0; i < recipients.size(); i++) {
      Recipient recipient = recipients.get(i);
      Notice before = before(night, (i + 1) + ": " + recipient.name());
      boolean done = before.delivered() || before.tries() >= TRIES_IN_ALL;
      known.add(done ? before : tell(recipient, message, before, triesMax));
    }
    return known;
  }

  private static Notice before(NightEntry night, String name) {
    Optional<Notice> known =
        night.notices().stream().filter(notice -> notice.to().equals(name)).findFirst();
    return known.orElse(new Notice(name, false, 0, ""));
  }

  private Notice tell(Recipient recipient, Message message, Notice before, int triesMax) {
    Duration rest = FIRST_PAUSE;
    String error = "";
    int tries = 0;
    try {
      while (true) {
        tries++;
        try {
          recipient.deliver(message);
          return new Notice(before.to(), true, before.tries() + tries, "");
        } catch (IOException | RuntimeException e) {
          error = why(e);
        }
        if (tries >= Math.min(triesMax, recipient.triesMax())) {
          return new Notice(before.to(), false, before.tries() + tries, error);
        }
        pause.sleep(rest);
        rest = rest.multipliedBy(PAUSE_GROWTH);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new Notice(before.to(), false, before.tries() + tries, "interrupted");
    }
  }

  private static String why(Exception failure) {
    String said = failure.getMessage();
    String text = said == null ? failure.getClass().getSimpleName() : said;
    return InertText.line(text, ERROR_CHARS_MAX);
  }

  private static Message message(NightEntry night, Path folder) {
    NightVerdict verdict = night.verdict().orElseThrow();
    ObjectNode json = new ObjectMapper().createObjectNode();
    json.put("version", 1);
    json.put(
        "text",
        InertText.line(
            night.spec() + " " + night.id() + ": " + verdict.verdict() + ". " + verdict.summary()));
    json.put("spec", night.spec());
    json.put("night", night.id().toString());
    NightJson.addVerdict(json, verdict);
    night.started().ifPresent(at -> json.put("started", at.toString()));
    night.finished().ifPresent(at -> json.put("finished", at.toString()));
    String report = folder.resolve("report.html").toAbsolutePath().toString();
    json.put("folder", folder.toAbsolutePath().toString());
    json.put("report", report);
    return new Message(
        json.toString(),
        night.id().toString(),
        verdict.verdict(),
        verdict.exitCode().number(),
        report);
  }
}

package dev.millrace.jobs.evaluate.night;

import java.io.IOException;

/** Somebody who hears of a verdict. */
interface Recipient {
  /** Names it without anything secret. */
  String name();

  /** How often to try in one run of the program. */
  int triesMax();

  /**
   * Delivers once.
   *
   * @param message the verdict as JSON, as {@link Notifier} writes it
   * @throws IOException if it did not arrive, saying why
   */
  void deliver(Message message) throws IOException, InterruptedException;

  /**
   * What is told.
   *
   * @param json the whole as JSON
   * @param night name of the night
   * @param verdict one word
   * @param exitCode of the command
   * @param report path of the page to look at
   */
  record Message(String json, String night, String verdict, int exitCode, String report) {}
}

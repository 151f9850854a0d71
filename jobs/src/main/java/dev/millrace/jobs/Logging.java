package dev.millrace.jobs;

/** Sets how much the libraries underneath may say, before the first of them asks. */
final class Logging {
  /** Read by log4j2.properties. */
  private static final String LEVEL_PROPERTY = "millrace.log.level";

  private Logging() {}

  static void setUp(boolean verbose) {
    if (System.getProperty(LEVEL_PROPERTY) == null && verbose) {
      System.setProperty(LEVEL_PROPERTY, "info");
    }
  }
}

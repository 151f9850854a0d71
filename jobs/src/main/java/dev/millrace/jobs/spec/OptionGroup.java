package dev.millrace.jobs.spec;

/** Headings under which options stand in the help and in the documentation. */
public enum OptionGroup {
  ROWS("Rows in and out"),
  MODEL("Model"),
  SAMPLING("Sampling"),
  ENGINE("Engine"),
  CLUSTER("Cluster and engine process"),
  RUN("Running");

  private final String heading;

  OptionGroup(String heading) {
    this.heading = heading;
  }

  public String heading() {
    return heading;
  }
}

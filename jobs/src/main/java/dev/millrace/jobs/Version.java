package dev.millrace.jobs;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** Says which build this is. */
final class Version implements IVersionProvider {
  private static final String RESOURCE = "/dev/millrace/jobs/version.properties";
  private static final String UNKNOWN = "unknown";

  /** For example {@code 0.1.0 (1a2b3c4)}. */
  static String text() {
    String[] parts = parts();
    return parts[0] + (parts[1].equals(UNKNOWN) ? "" : " (" + parts[1] + ")");
  }

  /** The version, and the commit it was built from or {@code unknown}. */
  static String[] parts() {
    Properties properties = new Properties();
    try (InputStream in = Version.class.getResourceAsStream(RESOURCE)) {
      properties.load(in);
    } catch (IOException e) {
      throw new IllegalStateException("Cannot read " + RESOURCE + " from the program's own jar", e);
    }
    String commit = properties.getProperty("commit", "");
    boolean known = !commit.isBlank() && !commit.startsWith("$");
    return new String[] {properties.getProperty("version"), known ? commit : UNKNOWN};
  }

  @Override
  public String[] getVersion() {
    return new String[] {
      "millrace " + text(), "Java " + Runtime.version() + ", " + System.getProperty("java.vm.name")
    };
  }
}

package dev.millrace.jobs;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** Says which build this is. */
final class Version implements IVersionProvider {
  private static final String RESOURCE = "/dev/millrace/jobs/version.properties";

  /** For example {@code 0.1.0 (1a2b3c4)}. */
  static String text() {
    Properties properties = new Properties();
    try (InputStream in = Version.class.getResourceAsStream(RESOURCE)) {
      properties.load(in);
    } catch (IOException e) {
      throw new IllegalStateException("Cannot read " + RESOURCE + " from the program's own jar", e);
    }
    String commit = properties.getProperty("commit", "");
    boolean known = !commit.isBlank() && !commit.startsWith("$");
    return properties.getProperty("version") + (known ? " (" + commit + ")" : "");
  }

  @Override
  public String[] getVersion() {
    return new String[] {
      "millrace " + text(), "Java " + Runtime.version() + ", " + System.getProperty("java.vm.name")
    };
  }
}

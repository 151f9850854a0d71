package dev.millrace.jobs.evaluate.metric;

import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import java.io.Closeable;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.TreeMap;

/**
 * Metrics of users' own: those of the jars that a spec names, each jar with a file {@code
 * META-INF/services/dev.millrace.jobs.evaluate.metric.UserMetric}, and those on the class path.
 * Their classes are found as long as this is open.
 */
public final class UserMetrics implements Closeable {
  private final URLClassLoader jars;
  private final Map<String, UserMetric> byName = new TreeMap<>();

  private UserMetrics(URLClassLoader jars) {
    this.jars = jars;
    for (UserMetric metric : ServiceLoader.load(UserMetric.class, jars)) {
      UserMetric other = byName.put(metric.name(), metric);
      if (other != null) {
        throw new IllegalArgumentException(
            "expected one metric called '"
                + metric.name()
                + "', found "
                + other.getClass().getName()
                + " and "
                + metric.getClass().getName());
      }
    }
  }

  /**
   * Loads the metrics of jars and of the class path.
   *
   * @throws CommandException if one cannot be made, or two have one name
   */
  public static UserMetrics of(List<Path> jars) {
    URL[] urls = new URL[jars.size()];
    try {
      for (int i = 0; i < urls.length; i++) {
        urls[i] = jars.get(i).toUri().toURL();
      }
    } catch (MalformedURLException e) {
      throw new IllegalStateException("every path has an address", e);
    }
    URLClassLoader loader = new URLClassLoader(urls, UserMetrics.class.getClassLoader());
    try {
      return new UserMetrics(loader);
    } catch (ServiceConfigurationError | LinkageError | IllegalArgumentException e) {
      try {
        loader.close();
      } catch (IOException closing) {
        e.addSuppressed(closing);
      }
      throw new CommandException(
          ExitCode.USAGE,
          "Metrics of " + jars + " cannot be loaded: " + e.getMessage(),
          "Correct the jar, or metric_jars in the spec.",
          e);
    }
  }

  /**
   * The metric of a name.
   *
   * @throws IllegalArgumentException if there is none, with the names that there are
   */
  UserMetric named(String name) {
    UserMetric metric = byName.get(name);
    if (metric == null) {
      throw new IllegalArgumentException(
          "expected a UserMetric called '"
              + name
              + "' in metric_jars or on the class path, found "
              + byName.keySet());
    }
    return metric;
  }

  @Override
  public void close() throws IOException {
    jars.close();
  }
}

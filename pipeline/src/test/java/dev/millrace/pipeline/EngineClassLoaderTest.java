package dev.millrace.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.engine.Engine;
import dev.millrace.pipeline.host.HostSettings;
import dev.millrace.pipeline.host.ProcessEngineFactory;
import java.io.File;
import java.lang.ref.WeakReference;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A cluster's worker loads the classes of each job anew; those of a job that is over must go. */
@Timeout(120)
final class EngineClassLoaderTest {
  private static final long SECONDS_MAX = 30;

  @TempDir private Path folder;

  @AfterEach
  void endEngine() {
    System.clearProperty("millrace.run.dir");
    ProcessHandle.current().children().forEach(ProcessHandle::destroyForcibly);
  }

  @Test
  void anEngineThatLingersKeepsNoClassOfTheJobThatStartedIt() throws Exception {
    System.setProperty("millrace.run.dir", folder.resolve("run").toString());
    Path log = folder.resolve("engines.log");

    WeakReference<ClassLoader> classes = runJob(log);
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS_MAX);
    while (classes.get() != null && System.nanoTime() < deadline) {
      System.gc();
      Thread.sleep(100);
    }

    assertEquals(1, LoggedEngineFactory.alive(log).count(), "the engine lingers");
    assertNull(classes.get(), "the classes of a job that is over");
  }

  /** On a thread of its own, whose stack keeps nothing. */
  private static WeakReference<ClassLoader> runJob(Path log) throws Exception {
    List<URL> urls = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
      urls.add(Path.of(entry).toUri().toURL());
    }
    List<Throwable> failures = new ArrayList<>();
    URLClassLoader loader =
        new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader());
    Thread thread = new Thread(() -> runJob(loader, log, failures), "task");
    thread.setContextClassLoader(loader);
    thread.start();
    thread.join();
    loader.close();
    assertEquals(List.of(), failures);
    return new WeakReference<>(loader);
  }

  private static void runJob(ClassLoader loader, Path log, List<Throwable> failures) {
    try {
      Class<?> job = loader.loadClass(Job.class.getName());
      assertTrue(job != Job.class);
      job.getMethod("run", String.class).invoke(null, log.toString());
    } catch (ReflectiveOperationException e) {
      failures.add(e);
    }
  }

  /** Loaded once more by another class loader, with all that it uses. */
  public static final class Job {
    private Job() {}

    public static void run(String log) {
      HostSettings settings =
          HostSettings.defaults()
              .withLinger(Duration.ofMinutes(2))
              .withJvmOptions(List.of("-Xmx96m", "-XX:TieredStopAtLevel=1"));
      LoggedEngineFactory factory =
          new LoggedEngineFactory(ScriptedEngineFactory.named("job"), Path.of(log));
      try (Engine engine = new ProcessEngineFactory(factory, settings).openEngine()) {
        engine.statistics();
      }
    }
  }
}

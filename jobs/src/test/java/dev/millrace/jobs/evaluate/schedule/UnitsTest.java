package dev.millrace.jobs.evaluate.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.millrace.jobs.evaluate.night.NightTime;
import dev.millrace.jobs.outcome.CommandException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

class UnitsTest {
  private static final String HOSTILE = "it's a \"night\" 100% $HOME `id` \\n {{x}} ü";

  @TempDir private Path folder;
  private Path launcher;

  @BeforeEach
  void makeALauncherThatPrintsItsArguments() throws IOException {
    launcher = executable("fake millrace", "for a in \"$@\"; do printf '%s\\n' \"$a\"; done");
  }

  private Path executable(String name, String script) throws IOException {
    Path file = Files.writeString(folder.resolve(name), "#!/bin/sh\n" + script + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    return file;
  }

  private Plan plan(String every) {
    return new Plan(
        "nightly",
        folder.resolve("my nightly.yaml"),
        "tasks:\n  - name: a\n    prompt: |\n      %s {{q}}\n",
        folder.resolve("out 100%"),
        NightTime.parse(every, ZoneOffset.UTC),
        ZoneOffset.UTC,
        launcher.toString(),
        Optional.of("/opt/jdk 17"),
        "registry/millrace:1",
        List.of("--overlap", "wait", "--notify-command", HOSTILE));
  }

  private List<String> expected(String every) {
    Plan plan = plan(every);
    return plan.command().subList(1, plan.command().size());
  }

  @Test
  void systemdTakesTheTimerAndTheService() throws Exception {
    for (String every : List.of("02:00", "mon-fri 02:30 Europe/Berlin", "sat,sun 23:59 UTC")) {
      Units units = SystemdUnits.of(plan(every));
      List<String> verify = new ArrayList<>(List.of("systemd-analyze", "verify"));
      for (Map.Entry<String, String> file : units.files().entrySet()) {
        Path unit = Files.writeString(folder.resolve(file.getKey()), file.getValue());
        verify.add(unit.toString());
      }
      assertTrue(units.files().get("millrace-nightly.timer").contains("Persistent=true"));
      assumeTrue(isHere("systemd-analyze"), "Not run: no systemd-analyze on the PATH");

      String said = run(verify);

      long ours = said.lines().filter(line -> line.contains("millrace-nightly")).count();
      assertEquals(0, ours, said);
    }
  }

  @Test
  void systemdStartsEveryNightOverClockChanges() throws Exception {
    assumeTrue(isHere("systemd-analyze"), "Not run: no systemd-analyze on the PATH");
    NightTime time = NightTime.parse("02:30 Europe/Berlin", ZoneOffset.UTC);
    String timer =
        SystemdUnits.of(plan("02:30 Europe/Berlin")).files().get("millrace-nightly.timer");

    for (String day : List.of("2026-03-28", "2026-10-24")) {
      Set<LocalDate> started = new TreeSet<>();
      for (String line : timer.lines().filter(l -> l.startsWith("OnCalendar=")).toList()) {
        String said =
            run(
                List.of(
                    "env",
                    "TZ=UTC",
                    "systemd-analyze",
                    "calendar",
                    "--base-time=" + day + " 12:00 UTC",
                    "--iterations=3",
                    line.substring("OnCalendar=".length())));
        Matcher fires =
            Pattern.compile("(\\d{4}-\\d\\d-\\d\\d) (\\d\\d:\\d\\d:\\d\\d) UTC").matcher(said);
        while (fires.find()) {
          Instant at = Instant.parse(fires.group(1) + "T" + fires.group(2) + "Z");
          started.add(time.latest(at));
        }
      }

      LocalDate first = LocalDate.parse(day).plusDays(1);
      assertTrue(
          started.containsAll(List.of(first, first.plusDays(1), first.plusDays(2))),
          day + ": " + started);
    }
  }

  @Test
  void shellUnderstandsTheCronLineWordForWord() throws Exception {
    String file = CronUnits.of(plan("02:10")).files().get("millrace-nightly.cron");
    String line = file.lines().filter(l -> !l.startsWith("#")).findFirst().orElseThrow();
    assertTrue(line.startsWith("10 * * * * JAVA_HOME='/opt/jdk 17' "), line);
    String command = line.replaceFirst("^10 \\* \\* \\* \\* ", "");
    assertTrue(command.replace("\\%", "").indexOf('%') < 0, "cron ends a command at a bare %");
    Files.createDirectories(folder.resolve("out 100%"));

    run(List.of("sh", "-c", command.replace("\\%", "%")));

    assertEquals(expected("02:10"), Files.readAllLines(folder.resolve("out 100%/cron.log")));
  }

  @Test
  void cronAsksEveryQuarterWhereClocksDifferByLessThanHours() {
    String file = CronUnits.of(plan("02:10 Asia/Kolkata")).files().get("millrace-nightly.cron");

    assertTrue(file.contains("\n*/15 * * * * "), file);
  }

  @Test
  void kubernetesGetsThreeObjectsWithTheSameWords() {
    Plan plan = plan("mon-fri 02:30 Europe/Berlin");
    String file = KubernetesUnits.of(plan).files().get("millrace-nightly.yaml");

    List<Map<String, Object>> objects = new ArrayList<>();
    new Load(LoadSettings.builder().build())
        .loadAllFromString(file)
        .forEach(each -> objects.add(cast(each)));

    assertEquals(
        List.of("PersistentVolumeClaim", "ConfigMap", "CronJob"),
        objects.stream().map(object -> object.get("kind")).toList());
    assertEquals(Map.of("nightly.yaml", plan.specText()), objects.get(1).get("data"));
    Map<String, Object> spec = cast(objects.get(2).get("spec"));
    assertEquals("30 2,3 * * 1,2,3,4,5", spec.get("schedule"));
    assertEquals("Europe/Berlin", spec.get("timeZone"));
    assertEquals("Forbid", spec.get("concurrencyPolicy"));
    Map<String, Object> job = cast(cast(spec.get("jobTemplate")).get("spec"));
    Map<String, Object> pod = cast(cast(job.get("template")).get("spec"));
    Map<String, Object> container = cast(((List<?>) pod.get("containers")).get(0));
    List<?> arguments = (List<?>) container.get("args");
    assertEquals(HOSTILE, arguments.get(arguments.size() - 1));
    assertEquals("evaluate", arguments.get(0));
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> cast(Object map) {
    return (Map<String, Object>) map;
  }

  @Test
  void pythonCompilesTheDagAndReadsTheSameWords() throws Exception {
    assumeTrue(isHere("python3"), "Not run: no python3 on the PATH");
    Map<String, String> files = AirflowUnits.of(plan("02:00 Europe/Berlin")).files();
    Path dag = Files.writeString(folder.resolve("dag.py"), files.get("millrace_nightly.py"));

    String said =
        run(
            List.of(
                "python3",
                "-X",
                "utf8",
                "-c",
                """
                import ast, sys
                tree = ast.parse(open(sys.argv[1], encoding="utf-8").read())
                compile(tree, sys.argv[1], "exec")
                for node in tree.body:
                    if isinstance(node, ast.Assign) and node.targets[0].id == "COMMAND":
                        print("\\n".join(ast.literal_eval(node.value)))
                """,
                dag.toString()));

    assertEquals(plan("02:00 Europe/Berlin").command(), said.lines().toList());
  }

  @Test
  void cronIsInstalledBesideWhatIsThereAndTwiceIsOnce() throws Exception {
    Path table = Files.writeString(folder.resolve("table"), "# mine\n5 4 * * * true\n");
    Path bin = Files.createDirectory(folder.resolve("bin"));
    Path fake =
        executable(
            "crontab",
            "if [ \"$1\" = -l ]; then cat TABLE; else cat > TABLE.new && mv TABLE.new TABLE; fi");
    Files.writeString(
        fake, Files.readString(fake).replace("TABLE", "'" + table + "'").replace("'.new", ".new'"));
    Files.move(fake, bin.resolve("crontab"));
    Installer installer =
        new Installer(Map.of("PATH", bin + ":" + System.getenv("PATH"), "HOME", folder.toString()));

    installer.install(Target.CRON, plan("02:10"), false);
    installer.install(Target.CRON, plan("03:20"), false);

    List<String> lines = Files.readAllLines(table);
    assertEquals(
        List.of("# mine", "5 4 * * * true", "# begin millrace nightly"), lines.subList(0, 3));
    assertEquals(6, lines.size(), lines.toString());
    assertTrue(lines.get(4).startsWith("20 * * * * "), lines.get(4));
  }

  @Test
  void systemdIsInstalledForTheUserAndEnabled() throws Exception {
    Path bin = Files.createDirectory(folder.resolve("bin"));
    Path log = folder.resolve("log");
    Files.move(executable("systemctl", "echo \"$@\" >> '" + log + "'"), bin.resolve("systemctl"));
    Installer installer =
        new Installer(Map.of("PATH", bin + ":/usr/bin:/bin", "HOME", folder.toString()));

    installer.install(Target.SYSTEMD, plan("02:10"), false);

    assertTrue(Files.exists(folder.resolve(".config/systemd/user/millrace-nightly.timer")));
    assertEquals(
        List.of("--user daemon-reload", "--user enable --now millrace-nightly.timer"),
        Files.readAllLines(log));
  }

  @Test
  void anInstallationThatFailsSaysWhatFailed() throws Exception {
    Path bin = Files.createDirectory(folder.resolve("bin"));
    Files.move(executable("systemctl", "echo no bus; exit 1"), bin.resolve("systemctl"));
    Installer installer =
        new Installer(Map.of("PATH", bin + ":/usr/bin:/bin", "HOME", folder.toString()));

    CommandException failed =
        assertThrows(
            CommandException.class, () -> installer.install(Target.SYSTEMD, plan("02:10"), false));

    assertTrue(failed.getMessage().contains("no bus"), failed.getMessage());
  }

  @Test
  void namesOfUnitsAreMadeOfAnyText() {
    assertEquals("nightly", Plan.nameOf("nightly"));
    assertEquals("my-eval-2", Plan.nameOf("My eval_(2)"));
    assertEquals("millrace-nightly", Plan.nameOf("日本"));
    assertEquals(50, Plan.nameOf("x".repeat(300)).length());
    assertThrows(IllegalArgumentException.class, () -> named("../x"));
    assertThrows(IllegalArgumentException.class, () -> named("x\n[Service]"));
  }

  private Plan named(String name) {
    Plan plan = plan("02:00");
    return new Plan(
        name,
        plan.spec(),
        "",
        plan.output(),
        plan.time(),
        ZoneId.of("UTC"),
        "millrace",
        Optional.empty(),
        "i",
        List.of());
  }

  @Test
  void anOptionThatWouldBreakALineIsRefused() {
    Plan plan = plan("02:00");
    assertThrows(
        IllegalArgumentException.class,
        () ->
            new Plan(
                "x",
                plan.spec(),
                "",
                plan.output(),
                plan.time(),
                ZoneOffset.UTC,
                "millrace",
                Optional.empty(),
                "i",
                List.of("--notify-command", "a\n* * * * * rm")));
  }

  private static boolean isHere(String program) {
    return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(":", -1))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
  }

  private static String run(List<String> command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    return said;
  }
}

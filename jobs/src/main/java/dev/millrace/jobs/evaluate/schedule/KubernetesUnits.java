package dev.millrace.jobs.evaluate.schedule;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.snakeyaml.engine.v2.api.Dump;
import org.snakeyaml.engine.v2.api.DumpSettings;
import org.snakeyaml.engine.v2.common.FlowStyle;

/**
 * A CronJob (batch/v1, Kubernetes 1.27 or newer for its time zone), the evaluation's file as a
 * ConfigMap, and a claim for the nights. Two nights never overlap (Forbid, and the program's own
 * lock); it starts an hour later again, because a time that a clock change skips is left out, which
 * is over at once on all other days; a pod that is evicted or fails for now is started again and
 * goes on; exit codes that another try would not change end the job.
 */
final class KubernetesUnits {
  private static final String SPEC_FOLDER = "/etc/millrace";
  private static final String NIGHTS = "/nights";
  private static final List<Integer> FINAL_EXIT_CODES = List.of(2, 3, 4, 5);

  private KubernetesUnits() {}

  static Units of(Plan plan) {
    String name = "millrace-" + plan.name();
    Dump dump =
        new Dump(
            DumpSettings.builder()
                .setDefaultFlowStyle(FlowStyle.BLOCK)
                .setIndicatorIndent(0)
                .setWidth(200)
                .setExplicitStart(true)
                .build());
    String text =
        dump.dumpToString(claim(name))
            + dump.dumpToString(configMap(name, plan))
            + dump.dumpToString(cronJob(name, plan));
    return new Units(
        Map.of(name + ".yaml", text),
        "Build an image "
            + plan.image()
            + " with the distribution, then: kubectl apply -f "
            + name
            + ".yaml");
  }

  private static Map<String, Object> map(Object... pairs) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      map.put((String) pairs[i], pairs[i + 1]);
    }
    return map;
  }

  private static Map<String, Object> head(String version, String kind, String name) {
    return map("apiVersion", version, "kind", kind, "metadata", map("name", name));
  }

  private static Map<String, Object> claim(String name) {
    Map<String, Object> claim = head("v1", "PersistentVolumeClaim", name);
    claim.put(
        "spec",
        map(
            "accessModes", List.of("ReadWriteOnce"),
            "resources", map("requests", map("storage", "20Gi"))));
    return claim;
  }

  private static Map<String, Object> configMap(String name, Plan plan) {
    Map<String, Object> config = head("v1", "ConfigMap", name);
    config.put("data", map(file(plan), plan.specText()));
    return config;
  }

  private static String file(Plan plan) {
    return plan.name() + ".yaml";
  }

  private static Map<String, Object> cronJob(String name, Plan plan) {
    Map<String, Object> job = head("batch/v1", "CronJob", name);
    job.put(
        "spec",
        map(
            "schedule",
            plan.cronExpressionTwice(),
            "timeZone",
            plan.time().zone().getId(),
            "concurrencyPolicy",
            "Forbid",
            "startingDeadlineSeconds",
            21_600,
            "successfulJobsHistoryLimit",
            7,
            "failedJobsHistoryLimit",
            14,
            "jobTemplate",
            map("spec", job(name, plan))));
    return job;
  }

  private static Map<String, Object> job(String name, Plan plan) {
    Map<String, Object> pod =
        map(
            "restartPolicy", "Never",
            "containers", List.of(container(plan)),
            "volumes",
                List.of(
                    map("name", "spec", "configMap", map("name", name)),
                    map("name", "nights", "persistentVolumeClaim", map("claimName", name))));
    return map(
        "backoffLimit", 6,
        "podFailurePolicy", map("rules", List.of(failJob(), ignoreEviction())),
        "template", map("spec", pod));
  }

  private static Map<String, Object> failJob() {
    return map(
        "action",
        "FailJob",
        "onExitCodes",
        map("containerName", "evaluate", "operator", "In", "values", FINAL_EXIT_CODES));
  }

  private static Map<String, Object> ignoreEviction() {
    return map(
        "action",
        "Ignore",
        "onPodConditions",
        List.of(map("type", "DisruptionTarget", "status", "True")));
  }

  private static Map<String, Object> container(Plan plan) {
    List<String> command = plan.command(SPEC_FOLDER + "/" + file(plan), NIGHTS);
    return map(
        "name", "evaluate",
        "image", plan.image(),
        "command", List.of("millrace"),
        "args", List.copyOf(command.subList(1, command.size())),
        "env", List.of(map("name", "MILLRACE_CACHE", "value", NIGHTS + "/.cache")),
        "volumeMounts",
            List.of(
                map("name", "spec", "mountPath", SPEC_FOLDER, "readOnly", true),
                map("name", "nights", "mountPath", NIGHTS)));
  }
}

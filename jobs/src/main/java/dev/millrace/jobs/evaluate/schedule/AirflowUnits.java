package dev.millrace.jobs.evaluate.schedule;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A DAG file for Airflow 2.4 or newer. One run at a time, none for the past; a task that failed in
 * a way that may pass (1, 75), was interrupted (130) or killed is tried again and goes on; any
 * other failure is final.
 */
final class AirflowUnits {
  private AirflowUnits() {}

  static Units of(Plan plan) {
    String name = "millrace-" + plan.name();
    return new Units(
        Map.of(name.replace('-', '_') + ".py", file(plan, name)),
        "Put it into Airflow's dags folder, on workers that have the launcher and the folders.");
  }

  private static String file(Plan plan, String name) {
    String words =
        plan.command().stream()
            .map(word -> "    " + literal(word) + ",\n")
            .collect(Collectors.joining());
    String environment =
        plan.javaHome()
            .map(home -> "dict(os.environ, JAVA_HOME=" + literal(home) + ")")
            .orElse("dict(os.environ)");
    return """
        \"""Starts the evaluation %s every night and passes its verdict on.\"""

        import os
        import subprocess

        import pendulum

        try:
            from airflow.sdk import dag, task
        except ImportError:  # Airflow 2
            from airflow.decorators import dag, task
        from airflow.exceptions import AirflowException, AirflowFailException

        COMMAND = [
        %s]

        # Exit codes after which the same command goes on where it stopped.
        AGAIN = (1, 75, 130)


        @dag(
            dag_id=%s,
            schedule=%s,
            start_date=pendulum.datetime(2024, 1, 1, tz=%s),
            catchup=False,
            max_active_runs=1,
            tags=["millrace"],
        )
        def evaluation():
            @task(retries=6, retry_delay=pendulum.duration(minutes=5))
            def evaluate():
                code = subprocess.run(COMMAND, env=%s, check=False).returncode
                if code in AGAIN or code < 0:
                    raise AirflowException(f"evaluation cut off (exit code {code}); it goes on")
                if code == 5:
                    raise AirflowFailException("a quality gate failed; see report.html of the night")
                if code != 0:
                    raise AirflowFailException(f"evaluation failed (exit code {code})")

            evaluate()


        evaluation()
        """
        .formatted(
            plan.name(),
            words,
            literal(name),
            literal(plan.cronExpression()),
            literal(plan.time().zone().getId()),
            environment);
  }

  /** A JSON string is a Python string with the same value. */
  private static String literal(String text) {
    return '"' + String.valueOf(JsonStringEncoder.getInstance().quoteAsString(text)) + '"';
  }
}

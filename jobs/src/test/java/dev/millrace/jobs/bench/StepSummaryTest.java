package dev.millrace.jobs.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.engine.StepTimes;
import java.util.List;
import org.junit.jupiter.api.Test;

class StepSummaryTest {
  private static final long MICRO = 1000;

  /** A prefill of 90 tokens, then two decodes; 10 us to plan, 5 us to commit, 1 us between. */
  private static final List<StepTimes> STEPS =
      List.of(step(90, 3, 0, 1000), step(4, 4, 1016, 500), step(2, 2, 1532, 500));

  private static StepTimes step(int tokens, int sequences, long startMicros, long micros) {
    long plan = startMicros * MICRO;
    long execute = plan + 10 * MICRO;
    long end = execute + micros * MICRO;
    return new StepTimes(tokens, sequences, sequences, plan, execute, end, end + 5 * MICRO);
  }

  @Test
  void kindsAndGapsAreToldApart() {
    ObjectNode steps = new StepSummary(STEPS).steps();

    assertEquals(3, steps.get("count").intValue());
    assertEquals(2, steps.at("/decode/count").intValue());
    assertEquals(6, steps.at("/decode/tokens").intValue());
    assertEquals(0.001, steps.at("/decode/seconds").doubleValue(), 1e-9);
    assertEquals(90, steps.at("/mixed/tokens").intValue());
    assertEquals(10, steps.at("/plan_us/p50").doubleValue());
    assertEquals(5, steps.at("/commit_us/mean").doubleValue());
    assertEquals(16, steps.at("/host_gap_us/p99").doubleValue());
  }

  @Test
  void occupancyWeighsStepsByTheirTime() {
    List<StepTimes> one = List.of(new StepTimes(8, 8, 8, 0, 0, 5000, 5000));
    ArrayNode halfIdle = new StepSummary(one).occupancy(0, 10_000);

    assertEquals(50, halfIdle.size());
    assertEquals(8, halfIdle.get(0).intValue());
    assertEquals(8, halfIdle.get(24).intValue());
    assertEquals(0, halfIdle.get(25).intValue());
  }

  @Test
  void noStepsAreNoFailure() {
    assertEquals(0, new StepSummary(List.of()).steps().get("count").intValue());
  }
}

package dev.millrace.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.SamplingSettings;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The order of those who wait for room. */
@Timeout(60)
class InFlightTest {
  private final InFlight inFlight = new InFlight(4);
  private final List<String> settled = new ArrayList<>();

  private ActiveRequest request(String id, int sequences) {
    SamplingSettings settings = SamplingSettings.builder().n(sequences).temperature(1).build();
    return new ActiveRequest(
        new GenerationRequest(id, new Prompt.Text("x"), settings),
        new ScriptedText(64),
        completion -> {},
        ended -> {},
        request -> settled.add(request.id()));
  }

  /** A submitter that hands these over, and waits already. */
  private Thread waiting(ActiveRequest... requests) {
    Thread thread =
        new Thread(
            () -> {
              try {
                for (ActiveRequest request : requests) {
                  inFlight.enter(request);
                }
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    thread.setDaemon(true);
    thread.start();
    while (thread.getState() != Thread.State.WAITING) {
      Thread.onSpinWait();
    }
    return thread;
  }

  @Test
  void whoNeedsLittleRoomDoesNotPassWhoNeedsMuchAndNobodyTwiceInARow() throws Exception {
    ActiveRequest one = request("one", 1);
    ActiveRequest three = request("three", 3);
    inFlight.enter(one);
    inFlight.enter(three);
    Thread large = waiting(request("large", 2), request("again", 1));
    Thread small = waiting(request("small", 1));

    inFlight.leave(one); // room for the small one, which came later
    inFlight.leave(three);

    large.join();
    small.join();
    inFlight.settleAll();
    assertEquals(List.of("large", "small", "again"), settled);
  }
}

package dev.millrace.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.millrace.api.request.ChatMessage;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.SamplingSettings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.testing.PAssert;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.MapElements;
import org.apache.beam.sdk.transforms.Reshuffle;
import org.apache.beam.sdk.transforms.windowing.FixedWindows;
import org.apache.beam.sdk.transforms.windowing.Window;
import org.apache.beam.sdk.util.CoderUtils;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.TimestampedValue;
import org.apache.beam.sdk.values.TypeDescriptor;
import org.apache.beam.sdk.values.TypeDescriptors;
import org.joda.time.Instant;
import org.junit.jupiter.api.Test;

/** The transform in pipelines of a user's own. */
final class BatchInferenceTest {
  private static GenerationRequest request(String id, String prompt) {
    int[] tokens = prompt.chars().toArray();
    return new GenerationRequest(id, new Prompt.Tokens(tokens), SamplingSettings.greedy());
  }

  private static String shown(Completion completion) {
    return completion.isFailed()
        ? completion.id() + " failed: " + completion.failure().reason()
        : completion.id() + " " + completion.choices().get(0).text();
  }

  /** How a user puts a model into a pipeline: this is the whole of it. */
  @Test
  void aPipelineOfOnesOwnAsksTheModelAboutItsElements() {
    ScriptedEngineFactory factory = ScriptedEngineFactory.named("own-pipeline");
    Pipeline pipeline = Pipeline.create();

    PCollection<String> answers =
        pipeline
            .apply(Create.of("red", "green", "blue"))
            .apply(
                MapElements.into(TypeDescriptor.of(GenerationRequest.class))
                    .via(color -> request(color, "a word for " + color)))
            .apply(BatchInference.with(factory).withLinger(Duration.ZERO))
            .apply(MapElements.into(TypeDescriptors.strings()).via(BatchInferenceTest::shown));

    PAssert.that(answers)
        .containsInAnyOrder(
            "red echo:a word for red", "green echo:a word for green", "blue echo:a word for blue");
    pipeline.run().waitUntilFinish();
    assertEquals(factory.counts().opened.get(), factory.counts().closed.get());
  }

  @Test
  void oneEngineServesAllThreadsAndManyRequestsAreInItAtOnce() {
    ScriptedEngineFactory factory = ScriptedEngineFactory.named("shared");
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < 3001; i++) {
      requests.add(request("r" + i, "p" + i));
    }
    Pipeline pipeline = Pipeline.create();

    PCollection<String> ids =
        pipeline
            .apply(Create.of(requests))
            .apply(BatchInference.with(factory))
            .apply(MapElements.into(TypeDescriptors.strings()).via(Completion::id));

    PAssert.that(ids).containsInAnyOrder(requests.stream().map(GenerationRequest::id).toList());
    pipeline.run().waitUntilFinish();
    assertEquals(1, factory.counts().opened.get(), "lingers between uses, so it is opened once");
    assertEquals(3001, factory.counts().requests.get());
  }

  @Test
  void aRequestThatKillsTheEngineFailsAloneAfterAShuffleToo() {
    Pipeline pipeline = Pipeline.create();
    PCollection<String> answers =
        pipeline
            .apply(Create.of(request("a", "fine"), request("b", "POISON"), request("c", "good")))
            .apply(Reshuffle.viaRandomKey())
            .apply(
                BatchInference.with(ScriptedEngineFactory.named("own-poison"))
                    .withLinger(Duration.ZERO))
            .apply(MapElements.into(TypeDescriptors.strings()).via(BatchInferenceTest::shown));

    PAssert.that(answers)
        .containsInAnyOrder(
            "a echo:fine", "b failed: " + FailureReason.ENGINE_FAILED, "c echo:good");
    pipeline.run().waitUntilFinish();
  }

  @Test
  void resultsStayInTheWindowsOfTheirElements() {
    Pipeline pipeline = Pipeline.create();
    org.joda.time.Duration minute = org.joda.time.Duration.standardMinutes(1);
    PCollection<String> answers =
        pipeline
            .apply(
                Create.timestamped(
                    TimestampedValue.of(request("a", "x"), Instant.ofEpochMilli(0)),
                    TimestampedValue.of(request("b", "y"), Instant.ofEpochMilli(90_000)),
                    TimestampedValue.of(request("c", "z"), Instant.ofEpochMilli(30_000))))
            .apply(Window.into(FixedWindows.of(minute)))
            .apply(
                BatchInference.with(ScriptedEngineFactory.named("windows")).withElementsInFlight(1))
            .apply(MapElements.into(TypeDescriptors.strings()).via(Completion::id));

    var first =
        new org.apache.beam.sdk.transforms.windowing.IntervalWindow(
            Instant.ofEpochMilli(0), minute);
    var second =
        new org.apache.beam.sdk.transforms.windowing.IntervalWindow(
            Instant.ofEpochMilli(60_000), minute);
    PAssert.that(answers).inWindow(first).containsInAnyOrder("a", "c");
    PAssert.that(answers).inWindow(second).containsInAnyOrder("b");
    pipeline.run().waitUntilFinish();
  }

  @Test
  void requestsOfEveryKindSurviveTheirCoder() throws Exception {
    SamplingSettings sampling =
        SamplingSettings.builder().seed(7L).stop(List.of("x")).logitBias(Map.of(3, 0.5)).build();
    Coder<GenerationRequest> coder = GenerationRequestCoder.of();
    for (Prompt prompt :
        List.of(new Prompt.Text("täxt"), new Prompt.Chat(List.of(new ChatMessage("user", "Hi"))))) {
      GenerationRequest request =
          new GenerationRequest(
              "id", prompt, prompt instanceof Prompt.Text ? prompt : null, sampling);
      byte[] bytes = CoderUtils.encodeToByteArray(coder, request);
      assertEquals(request, CoderUtils.decodeFromByteArray(coder, bytes));
    }
    GenerationRequest tokens = request("id", "abc");
    GenerationRequest back =
        CoderUtils.decodeFromByteArray(coder, CoderUtils.encodeToByteArray(coder, tokens));
    assertEquals(3, ((Prompt.Tokens) back.prompt()).tokenIds().length);
    assertThrows(Coder.NonDeterministicException.class, coder::verifyDeterministic);
  }
}

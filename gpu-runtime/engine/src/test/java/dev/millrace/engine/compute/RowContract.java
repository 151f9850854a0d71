package dev.millrace.engine.compute;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Verbs that work on each row by itself. */
public interface RowContract extends BackendUnderTest {
  List<Integer> ROWS = List.of(0, 1, 3, 17, 64, 65);

  @ParameterizedTest
  @EnumSource
  default void embeddingLooksRowsUp(DType type) {
    int vocabulary = 37;
    for (int width : new int[] {8, 64, 172, 576}) {
      for (int[] tokens : new int[][] {{}, {36}, {0, 36, 0, 5, 17}}) {
        try (BackendFixture fixture = BackendFixture.open(factory())) {
          TestWeight table =
              TestWeight.dense(
                  "embedding", type, WeightLayout.OUTPUT_MAJOR, vocabulary, width, fixture.random);
          StepBatch batch = fixture.backend.begin(TestPlans.tokens(tokens));
          Tensor y = fixture.output("y", batch.rows(), width);

          fixture.backend.embed(batch, fixture.upload(table), y);

          double[][] expected = new double[tokens.length][];
          for (int row = 0; row < tokens.length; row++) {
            expected[row] = table.values()[tokens[row]];
          }
          fixture.check("embed width " + width, y, expected, BackendFixture.Tolerance.of(0));
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 8, 64, 172, 576, 4098})
  default void rmsNormDividesByTheRootOfTheMeanSquare(int width) {
    for (int rows : ROWS) {
      try (BackendFixture fixture = BackendFixture.open(factory())) {
        double[][] x = fixture.rows(rows, width);
        TestWeight weight = TestWeight.vector("norm", DType.BF16, width, fixture.random);
        Tensor y = fixture.output("y", rows, width);

        fixture.backend.rmsNorm(
            fixture.input("x", width, x), fixture.upload(weight), 1e-5f, y, rows);

        fixture.check(
            "rmsNorm %d x %d".formatted(rows, width),
            y,
            DoubleMath.rmsNorm(x, weight.values()[0], 1e-5f),
            BackendFixture.Tolerance.of(4e-6));
      }
    }
  }

  @Test
  default void rmsNormOfZerosIsZero() {
    try (BackendFixture fixture = BackendFixture.open(factory())) {
      TestWeight weight = TestWeight.vector("norm", DType.F32, 64, fixture.random);
      Tensor y = fixture.output("y", 3, 64);

      fixture.backend.rmsNorm(
          fixture.input("x", 64, new double[3][64]), fixture.upload(weight), 1e-6f, y, 3);

      fixture.check("rmsNorm", y, new double[3][64], BackendFixture.Tolerance.of(0));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 8, 172, 4098})
  default void addThenRmsNormKeepsTheSumAndNormsIt(int width) {
    for (int rows : ROWS) {
      try (BackendFixture fixture = BackendFixture.open(factory())) {
        double[][] x = fixture.rows(rows, width);
        double[][] residual = fixture.rows(rows, width);
        TestWeight weight = TestWeight.vector("norm", DType.F16, width, fixture.random);
        Tensor sum = fixture.output("residual", rows, width);
        fixture.backend.add(sum, sum, 0);
        fixture.backend.write(DoubleMath.flat(residual, width), sum, rows);
        Tensor y = fixture.output("y", rows, width);

        fixture.backend.addThenRmsNorm(
            fixture.input("x", width, x), sum, fixture.upload(weight), 1e-6f, y, rows);

        double[][] expected = DoubleMath.add(x, residual);
        String what = "addThenRmsNorm %d x %d".formatted(rows, width);
        double loss = 4e-6 + 4 * fixture.epsilon();
        fixture.check(what, sum, expected, BackendFixture.Tolerance.of(0));
        fixture.check(
            what,
            y,
            DoubleMath.rmsNorm(expected, weight.values()[0], 1e-6f),
            BackendFixture.Tolerance.of(loss));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  default void biasIsAddedToEveryRow(DType type) {
    for (int rows : ROWS) {
      for (int width : new int[] {1, 8, 172}) {
        try (BackendFixture fixture = BackendFixture.open(factory())) {
          double[][] x = fixture.rows(rows, width);
          TestWeight bias = TestWeight.vector("bias", type, width, fixture.random);
          Tensor y = fixture.output("x", rows, width);
          fixture.backend.write(DoubleMath.flat(x, width), y, rows);

          fixture.backend.addBias(y, fixture.upload(bias), rows);

          fixture.check(
              "addBias %d x %d".formatted(rows, width),
              y,
              DoubleMath.addToRows(x, bias.values()[0]),
              BackendFixture.Tolerance.of(0));
        }
      }
    }
  }

  @Test
  default void productWithBiasIsProductThenBias() {
    for (int rows : ROWS) {
      try (BackendFixture fixture = BackendFixture.open(factory())) {
        double[][] x = fixture.rows(rows, 172);
        TestWeight weight =
            TestWeight.dense("w", DType.BF16, WeightLayout.OUTPUT_MAJOR, 65, 172, fixture.random);
        TestWeight bias = TestWeight.vector("bias", DType.BF16, 65, fixture.random);
        Tensor y = fixture.output("y", rows, 65);

        fixture.backend.matmulAddBias(
            fixture.input("x", 172, x), fixture.upload(weight), fixture.upload(bias), y, rows);

        fixture.check(
            "matmulAddBias " + rows,
            y,
            DoubleMath.addToRows(DoubleMath.matmul(x, weight.values()), bias.values()[0]),
            BackendFixture.Tolerance.of(2e-5 + 4 * fixture.epsilon()));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {64, 128, 192, 4096})
  default void activationGatesInBlocksOf64(int width) {
    for (int rows : ROWS) {
      try (BackendFixture fixture = BackendFixture.open(factory())) {
        double[][] gateUp = fixture.rows(rows, 2 * width);
        if (rows > 0) {
          // Far out, where exp over- or underflows.
          gateUp[0][0] = 200;
          gateUp[0][1] = -200;
          gateUp[0][2] = 88;
          gateUp[0][3] = -88;
        }
        Tensor y = fixture.output("y", rows, width);

        fixture.backend.gatedActivation(fixture.input("x", 2 * width, gateUp), y, rows);

        fixture.check(
            "gatedActivation %d x %d".formatted(rows, width),
            y,
            DoubleMath.gate(gateUp),
            BackendFixture.Tolerance.of(4e-6));
      }
    }
  }

  @Test
  default void productThenGateIsBothInTurn() {
    for (int rows : ROWS) {
      try (BackendFixture fixture = BackendFixture.open(factory())) {
        double[][] x = fixture.rows(rows, 172);
        TestWeight weight =
            TestWeight.dense("w", DType.BF16, WeightLayout.OUTPUT_MAJOR, 256, 172, fixture.random);
        Tensor y = fixture.output("y", rows, 128);

        fixture.backend.matmulThenGate(
            fixture.input("x", 172, x),
            fixture.upload(weight),
            fixture.output("wide", rows, 256),
            y,
            rows);

        fixture.check(
            "matmulThenGate " + rows,
            y,
            DoubleMath.gate(DoubleMath.matmul(x, weight.values())),
            BackendFixture.Tolerance.of(2e-5 + 8 * fixture.epsilon()));
      }
    }
  }

  @Test
  default void logitRowsAreGatheredOnceEachInOrder() {
    try (BackendFixture fixture = BackendFixture.open(factory())) {
      double[][] x = fixture.rows(17, 172);
      TestPlans plan =
          new TestPlans().sequence(0, new int[17], new int[1]).score(0).score(3).score(3).score(16);
      StepBatch batch = fixture.backend.begin(plan.build());
      assertEquals(3, batch.logitRows());
      Tensor y = fixture.output("y", 2, 172);

      fixture.backend.gatherLogitRows(batch, 1, 2, fixture.input("x", 172, x), y);

      fixture.check(
          "gatherLogitRows", y, new double[][] {x[3], x[16]}, BackendFixture.Tolerance.of(0));
    }
  }
}

package dev.millrace.engine.compute;

import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Matrix products in every layout and type, over awkward sizes. */
public interface MatrixContract extends BackendUnderTest {

  /** Size, layout and type of a product, and the share of sum |x w| its accumulation may lose. */
  record Product(int rows, WeightShape shape, double accumulationLoss) {
    /** Float32 accumulation in a few dozen partial sums loses a few units in 2^-24 of the sum. */
    static Product of(int rows, WeightShape shape) {
      return new Product(rows, shape, 0x1p-20);
    }
  }

  static Stream<Product> denseProducts() {
    Stream.Builder<Product> products = Stream.builder();
    for (DType type : DType.values()) {
      for (WeightLayout layout :
          new WeightLayout[] {WeightLayout.OUTPUT_MAJOR, WeightLayout.INPUT_MAJOR}) {
        for (int rows : new int[] {0, 1, 2, 3, 17, 64, 65}) {
          products.add(Product.of(rows, new WeightShape(type, layout, 172, 64, 1)));
          products.add(Product.of(rows, new WeightShape(type, layout, 64, 172, 1)));
        }
        for (int[] size :
            new int[][] {
              {1, 1}, {1, 8}, {8, 1}, {7, 13}, {576, 65}, {65, 576}, {3, 4098}, {4098, 3}
            }) {
          products.add(Product.of(3, new WeightShape(type, layout, size[0], size[1], 1)));
          products.add(Product.of(17, new WeightShape(type, layout, size[0], size[1], 1)));
        }
      }
    }
    return products.build();
  }

  static Stream<Product> int4Products() {
    Stream.Builder<Product> products = Stream.builder();
    for (DType type : new DType[] {DType.F16, DType.BF16}) {
      for (int rows : new int[] {0, 1, 2, 3, 17, 64, 65}) {
        products.add(Product.of(rows, new WeightShape(type, WeightLayout.INT4_TILES, 192, 384, 1)));
      }
      for (int[] size : new int[][] {{64, 128, 1}, {64, 512, 4}, {320, 1024, 2}, {128, 384, 3}}) {
        products.add(
            Product.of(
                3, new WeightShape(type, WeightLayout.INT4_TILES, size[0], size[1], size[2])));
      }
    }
    return products.build();
  }

  @ParameterizedTest
  @MethodSource("denseProducts")
  default void denseProductIsTheSumOfProducts(Product product) {
    WeightShape shape = product.shape();
    checkProduct(
        product,
        random ->
            TestWeight.dense(
                "w",
                shape.type(),
                shape.layout(),
                (int) shape.outputs(),
                (int) shape.inputs(),
                random));
  }

  @ParameterizedTest
  @MethodSource("int4Products")
  default void int4ProductIsTheSumOfProducts(Product product) {
    WeightShape shape = product.shape();
    checkProduct(
        product,
        random ->
            TestWeight.int4(
                "w",
                shape.type(),
                (int) shape.outputs(),
                (int) shape.inputs(),
                shape.slabs(),
                random));
  }

  private void checkProduct(Product product, java.util.function.Function<Random, TestWeight> make) {
    try (BackendFixture fixture = BackendFixture.open(factory())) {
      int outputs = (int) product.shape().outputs();
      int inputs = (int) product.shape().inputs();
      double[][] x = fixture.rows(product.rows(), inputs);
      TestWeight weight = make.apply(fixture.random);
      Tensor y = fixture.output("y", product.rows(), outputs);

      fixture.backend.matmul(
          fixture.input("x", inputs, x), fixture.upload(weight), y, product.rows());

      double[][] expected = new double[product.rows()][outputs];
      double[][] magnitude = new double[product.rows()][outputs];
      for (int row = 0; row < product.rows(); row++) {
        for (int o = 0; o < outputs; o++) {
          for (int i = 0; i < inputs; i++) {
            expected[row][o] += x[row][i] * weight.values()[o][i];
            magnitude[row][o] += Math.abs(x[row][i] * weight.values()[o][i]);
          }
        }
      }
      fixture.check(
          product.toString(),
          y,
          expected,
          (row, column) ->
              (product.accumulationLoss() + weightLoss(product.shape())) * magnitude[row][column]);
    }
  }
}

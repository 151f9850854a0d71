package dev.millrace.engine.text.jinja.value;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/** Python's arithmetic on 64-bit integers and doubles. What leaves 64 bits is an error. */
public final class Numbers {
  private static final int DIGITS_MAX = 17;

  private Numbers() {}

  static boolean isNan(Object value) {
    return value instanceof Double number && Double.isNaN(number);
  }

  /** Booleans count as 0 and 1. */
  private static Object plain(Object value) {
    return value instanceof Boolean flag ? (Object) (flag ? 1L : 0L) : value;
  }

  public static double toDouble(Object value) {
    return ((Number) plain(value)).doubleValue();
  }

  static int compare(Object a, Object b) {
    if (plain(a) instanceof Long left && plain(b) instanceof Long right) {
      return Long.compare(left, right);
    }
    double left = toDouble(a);
    double right = toDouble(b);
    return left < right ? -1 : left > right ? 1 : 0;
  }

  /** One of {@code + - * / // % **} on two numbers. */
  public static Object calculate(String operator, Object a, Object b) {
    if (!operator.equals("/") && plain(a) instanceof Long left && plain(b) instanceof Long right) {
      try {
        return integers(operator, left, right);
      } catch (ArithmeticException e) {
        throw new TemplateException(
            left
                + " "
                + operator
                + " "
                + right
                + (right == 0 ? ": division by zero" : ": the result does not fit 64 bits"));
      }
    }
    return doubles(operator, toDouble(a), toDouble(b));
  }

  private static Object integers(String operator, long a, long b) {
    return switch (operator) {
      case "+" -> Math.addExact(a, b);
      case "-" -> Math.subtractExact(a, b);
      case "*" -> Math.multiplyExact(a, b);
      case "//" -> Math.floorDiv(a, b);
      case "%" -> Math.floorMod(a, b);
      default -> b < 0 ? (Object) Math.pow(a, b) : (Object) power(a, b);
    };
  }

  private static long power(long base, long exponent) {
    long result = 1;
    boolean trivial = base == 0 || base == 1 || base == -1;
    long rounds = trivial ? (exponent == 0 ? 0 : 2 - exponent % 2) : exponent;
    for (long i = 0; i < rounds; i++) {
      result = Math.multiplyExact(result, base);
    }
    return result;
  }

  private static Object doubles(String operator, double a, double b) {
    if (b == 0 && (operator.equals("/") || operator.equals("//") || operator.equals("%"))) {
      throw new TemplateException("division by zero");
    }
    return switch (operator) {
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      case "/" -> a / b;
      case "//" -> Math.floor(a / b);
      case "%" -> {
        double rest = a % b;
        yield rest != 0 && rest < 0 != b < 0 ? rest + b : rest;
      }
      default -> Math.pow(a, b);
    };
  }

  public static Object negate(Object value) {
    return plain(value) instanceof Long number
        ? (Object) calculate("-", 0L, number)
        : (Object) (-toDouble(value));
  }

  /** The shortest digits that read back as the same double, written as Python's repr does. */
  public static String repr(double value) {
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      return Double.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
    }
    if (value == 0) {
      return 1 / value < 0 ? "-0.0" : "0.0";
    }
    // Double.toString is not the shortest before Java 19, so digits are counted up.
    BigDecimal exact = new BigDecimal(Math.abs(value));
    BigDecimal shortest = exact;
    for (int digits = 1; digits <= DIGITS_MAX; digits++) {
      shortest = exact.round(new MathContext(digits, RoundingMode.HALF_EVEN));
      if (shortest.doubleValue() == Math.abs(value)) {
        break;
      }
    }
    String digits = shortest.unscaledValue().toString().replaceAll("0+$", "");
    int exponent = shortest.precision() - shortest.scale() - 1;
    String sign = value < 0 ? "-" : "";
    if (exponent < -4 || exponent >= 16) {
      String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
      String power =
          (exponent < 0 ? "-" : "+") + (Math.abs(exponent) < 10 ? "0" : "") + Math.abs(exponent);
      return sign + digits.charAt(0) + fraction + "e" + power;
    }
    String plain =
        new BigDecimal(digits).movePointRight(exponent - digits.length() + 1).toPlainString();
    return sign + (plain.contains(".") ? plain : plain + ".0");
  }
}

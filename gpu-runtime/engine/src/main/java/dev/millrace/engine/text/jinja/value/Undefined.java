package dev.millrace.engine.text.jinja.value;

/**
 * What a name or attribute that does not exist evaluates to: false, empty and printed as nothing;
 * anything else done with it fails with its message.
 */
public final class Undefined {
  private final String message;

  private Undefined(String message) {
    this.message = message;
  }

  public static Undefined name(String name) {
    return new Undefined("'" + name + "' is undefined");
  }

  public static Undefined attribute(Object owner, String attribute) {
    return new Undefined(
        "'" + Values.typeName(owner) + " object' has no attribute '" + attribute + "'");
  }

  public static Undefined because(String message) {
    return new Undefined(message);
  }

  /** The failure of using it. */
  public TemplateException failure() {
    return new TemplateException(message);
  }
}

package dev.millrace.converter.read;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;

/** Configurations of published models, by name: enough to make up weights of their shapes. */
public final class KnownShapes {
  private static final String RESOURCE = "shapes.json";

  private KnownShapes() {}

  /** Every name, from small to large. */
  public static List<String> names() throws IOException {
    List<String> names = new ArrayList<>();
    all().object().fieldNames().forEachRemaining(names::add);
    return names;
  }

  /** The configuration of that name, or null. */
  public static JsonFile find(String name) throws IOException {
    return all().child(name);
  }

  private static JsonFile all() throws IOException {
    try (InputStream in = KnownShapes.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        throw new IllegalStateException(RESOURCE + " is not in the program's own jar");
      }
      return JsonFile.parse(RESOURCE, in.readAllBytes());
    }
  }
}

package dev.millrace.jobs.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A benchmark's rows: prompts of token ids and exact output lengths, the same in every program that
 * follows this definition. Token j of row i is {@code splitmix64((i << 20) + j) mod 150000}. Rows
 * of {@code shared} begin with one of 16 prefixes of 1500 tokens, that of pseudo row {@code 1000000
 * + splitmix64(7000000 + i) mod 16}, and go on with 60 tokens of their own.
 */
public final class Workload {
  /** Every name there is. */
  public static final List<String> NAMES =
      List.of("sharegpt", "1k1k", "1k1k-256", "2k128", "shared");

  /** Rows, tokens of each prompt, tokens of each output. */
  private static final Pattern UNIFORM =
      Pattern.compile("([1-9]\\d{0,6})x([1-9]\\d{0,6})x([1-9]\\d{0,6})");

  private static final String LENGTHS = "lengths-sharegpt-like.csv";
  private static final int VOCABULARY = 150_000;
  private static final int PREFIX_TOKENS = 1500;
  private static final int PREFIXES = 16;
  private static final long FIRST_PREFIX_ROW = 1_000_000;
  private static final long PREFIX_KEY = 7_000_000;

  private final String name;
  private final List<Lengths> rows;
  private final int vocabulary;

  /**
   * Lengths of one row.
   *
   * @param prompt tokens of the prompt
   * @param output tokens to generate
   */
  public record Lengths(int prompt, int output) {}

  private Workload(String name, List<Lengths> rows, int vocabulary) {
    this.name = name;
    this.rows = rows;
    this.vocabulary = vocabulary;
  }

  /**
   * A workload.
   *
   * @param name one of {@link #NAMES}, or rows, prompt and output tokens of rows that are all
   *     alike, as {@code 32x128x512}
   * @throws IllegalArgumentException if it is neither
   */
  public static Workload of(String name) {
    Matcher uniform = UNIFORM.matcher(name);
    if (uniform.matches()) {
      Lengths lengths =
          new Lengths(Integer.parseInt(uniform.group(2)), Integer.parseInt(uniform.group(3)));
      return new Workload(
          name, Collections.nCopies(Integer.parseInt(uniform.group(1)), lengths), VOCABULARY);
    }
    List<Lengths> rows =
        switch (name) {
          case "sharegpt" -> read();
          case "1k1k" -> Collections.nCopies(1024, new Lengths(1024, 1024));
          case "1k1k-256" -> Collections.nCopies(256, new Lengths(1024, 1024));
          case "2k128" -> Collections.nCopies(768, new Lengths(2048, 128));
          case "shared" -> Collections.nCopies(2048, new Lengths(PREFIX_TOKENS + 60, 64));
          default ->
              throw new IllegalArgumentException(
                  "workload: expected one of %s, or ROWSxPROMPTxOUTPUT as 32x128x512, found '%s'"
                      .formatted(NAMES, name));
        };
    return new Workload(name, rows, VOCABULARY);
  }

  private static List<Lengths> read() {
    InputStream in = Workload.class.getResourceAsStream(LENGTHS);
    if (in == null) {
      throw new IllegalStateException(LENGTHS + " is not in the program's own jar");
    }
    List<Lengths> rows = new ArrayList<>();
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII))) {
      lines.readLine(); // names of the columns
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        int comma = line.indexOf(',');
        rows.add(
            new Lengths(
                Integer.parseInt(line.substring(0, comma)),
                Integer.parseInt(line.substring(comma + 1))));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return List.copyOf(rows);
  }

  /** The first rows alone. */
  public Workload limitedTo(int count) {
    return new Workload(name, rows.subList(0, Math.min(count, rows.size())), vocabulary);
  }

  /** The same rows for a model that knows fewer tokens: ids are taken modulo its vocabulary. */
  public Workload forVocabulary(int size) {
    return new Workload(name, rows, Math.min(size, VOCABULARY));
  }

  public String name() {
    return name;
  }

  public int size() {
    return rows.size();
  }

  /** Lengths of a row. */
  public Lengths lengths(int row) {
    return rows.get(row);
  }

  public long promptTokens() {
    return rows.stream().mapToLong(Lengths::prompt).sum();
  }

  public long outputTokens() {
    return rows.stream().mapToLong(Lengths::output).sum();
  }

  /** Whether prompts begin alike. */
  public boolean sharesPrefixes() {
    return name.equals("shared");
  }

  /** Token ids of a row's prompt. */
  public int[] prompt(int row) {
    int[] tokens = new int[rows.get(row).prompt()];
    long prefix = FIRST_PREFIX_ROW + Long.remainderUnsigned(splitMix64(PREFIX_KEY + row), PREFIXES);
    for (int i = 0; i < tokens.length; i++) {
      if (!sharesPrefixes()) {
        tokens[i] = token(row, i);
      } else {
        tokens[i] = i < PREFIX_TOKENS ? token(prefix, i) : token(row, i - PREFIX_TOKENS);
      }
    }
    return tokens;
  }

  private int token(long row, long position) {
    long id = Long.remainderUnsigned(splitMix64((row << 20) + position), VOCABULARY);
    return (int) (id % vocabulary);
  }

  /** The generator of Steele, Lea and Flood (OOPSLA 2014), one step from a given state. */
  private static long splitMix64(long state) {
    long x = state + 0x9E3779B97F4A7C15L;
    x = (x ^ (x >>> 30)) * 0xBF58476D1CE4E5B9L;
    x = (x ^ (x >>> 27)) * 0x94D049BB133111EBL;
    return x ^ (x >>> 31);
  }
}

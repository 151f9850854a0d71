package dev.millrace.jobs.evaluate.data;

import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.List;

/** Comma-separated values as RFC 4180 has them: quotes, doubled quotes, line breaks in quotes. */
final class Csv {
  private final Reader in;
  private int line = 1;
  private int next;

  Csv(Reader in) throws IOException {
    this.in = in;
    this.next = in.read();
    if (next == '\uFEFF') {
      next = in.read();
    }
  }

  /** The line the next record begins in, from 1. */
  int line() {
    return line;
  }

  /** The fields of the next record, or null after the last. */
  List<String> record() throws IOException {
    if (next < 0) {
      return null;
    }
    List<String> fields = new ArrayList<>();
    while (true) {
      fields.add(next == '"' ? quoted() : plain());
      if (next != ',') {
        break;
      }
      next = in.read();
    }
    if (next == '\r') {
      next = in.read();
    }
    if (next == '\n') {
      next = in.read();
      line++;
    } else if (next >= 0) {
      throw new IOException("expected a comma or a line break after a field in line " + line);
    }
    return fields;
  }

  private String plain() throws IOException {
    StringBuilder field = new StringBuilder();
    while (next >= 0 && next != ',' && next != '\n' && next != '\r') {
      field.append((char) next);
      next = in.read();
    }
    return field.toString();
  }

  private String quoted() throws IOException {
    int began = line;
    StringBuilder field = new StringBuilder();
    next = in.read();
    while (true) {
      if (next < 0) {
        throw new IOException("expected an end of the quotes that begin in line " + began);
      }
      if (next == '"') {
        next = in.read();
        if (next != '"') {
          return field.toString();
        }
      }
      line += next == '\n' ? 1 : 0;
      field.append((char) next);
      next = in.read();
    }
  }
}

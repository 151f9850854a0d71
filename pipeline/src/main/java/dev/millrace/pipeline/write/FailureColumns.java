package dev.millrace.pipeline.write;

import dev.millrace.api.request.RequestFailure;
import java.util.List;
import java.util.Set;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;

/**
 * What a failures file adds to the columns of its input: such a file is itself valid input, and if
 * its rows fail again the columns are replaced, not doubled.
 */
final class FailureColumns {
  static final String REASON = "failure_reason";
  static final String MESSAGE = "failure_message";
  static final Set<String> NAMES = Set.of(REASON, MESSAGE);
  static final List<Field> FIELDS =
      List.of(
          Field.nullable(REASON, ArrowType.Utf8.INSTANCE),
          Field.nullable(MESSAGE, ArrowType.Utf8.INSTANCE));

  private FailureColumns() {}

  static Object[] values(RequestFailure failure) {
    return new Object[] {failure.reason().name(), failure.message()};
  }
}

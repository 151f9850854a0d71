package dev.millrace.converter.weights;

import dev.millrace.api.workspace.StorageType;
import java.util.ArrayList;
import java.util.List;

/**
 * A canonical order of rows over one or more matrices: runs of their rows, and runs of zeros.
 * Members of different storage are widened to float32, exactly, so that the whole has one.
 */
public final class FusedRows {
  private final List<Matrix> members;
  private final List<Run> runs = new ArrayList<>();
  private long rows;

  /**
   * A run of rows.
   *
   * @param first its first canonical row
   * @param member the matrix it is taken from; null for zeros
   * @param row its first row in the matrix
   * @param rows how many
   */
  public record Run(long first, Matrix member, long row, long rows) {}

  private FusedRows(List<Matrix> members) {
    this.members = members;
  }

  /** An empty order over members, which keep their storage if they share it. */
  public static FusedRows over(List<? extends Matrix> members) {
    List<Matrix> alike = new ArrayList<>(members);
    if (members.stream().map(FusedRows::storageKey).distinct().count() > 1) {
      alike.replaceAll(WidenedMatrix::of);
    }
    return new FusedRows(alike);
  }

  private static String storageKey(Matrix matrix) {
    return storage(matrix) + "/" + scaleType(matrix);
  }

  /** Appends rows of a member. */
  public FusedRows add(int member, long row, long count) {
    return append(members.get(member), row, count);
  }

  /** Appends rows of zeros. */
  public FusedRows addZeros(long count) {
    return count == 0 ? this : append(null, 0, count);
  }

  private FusedRows append(Matrix member, long row, long count) {
    runs.add(new Run(rows, member, row, count));
    rows += count;
    return this;
  }

  public long outputs() {
    return rows;
  }

  public long inputs() {
    return members.get(0).inputs();
  }

  public StorageType storage() {
    return storage(members.get(0));
  }

  /** Type of the scales under INT4; null otherwise. */
  public StorageType scaleType() {
    return scaleType(members.get(0));
  }

  /** The run that holds a canonical row. */
  public Run find(long row) {
    int low = 0;
    int high = runs.size() - 1;
    while (low < high) {
      int middle = (low + high + 1) >>> 1;
      if (runs.get(middle).first() <= row) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return runs.get(low);
  }

  /** How a matrix would be stored. */
  public static StorageType storage(Matrix matrix) {
    return matrix instanceof DenseMatrix dense ? dense.type() : StorageType.INT4;
  }

  /** Type of a matrix's scales; null unless it is packed. */
  public static StorageType scaleType(Matrix matrix) {
    return matrix instanceof Int4Matrix packed ? packed.scaleType() : null;
  }
}

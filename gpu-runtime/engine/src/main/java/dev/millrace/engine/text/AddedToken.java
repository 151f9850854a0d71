package dev.millrace.engine.text;

/**
 * A token that is found in the text before it is cut into words.
 *
 * @param special whether decoding may leave it out
 * @param normalized whether it is looked for after normalisation
 * @param leftStrip whether it swallows white space before it
 * @param rightStrip whether it swallows white space after it
 * @param singleWord whether it counts only where no word character touches it
 */
public record AddedToken(
    int id,
    String content,
    boolean special,
    boolean normalized,
    boolean leftStrip,
    boolean rightStrip,
    boolean singleWord) {
  public AddedToken {
    if (content.isEmpty()) {
      throw new IllegalArgumentException("added token " + id + " has no content");
    }
  }

  /**
   * Whether it is plain text rather than markup: runs of white space that a vocabulary was extended
   * by. Such a token is read from data too; all others only from trusted text.
   */
  boolean isPlainText() {
    return !special && content.isBlank();
  }
}

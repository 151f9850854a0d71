package dev.millrace.converter.write;

import dev.millrace.api.workspace.Int4Tile;
import dev.millrace.api.workspace.KvGroups;
import dev.millrace.api.workspace.WorkspaceManifest.RankRefusal;
import dev.millrace.converter.read.ModelConfig;
import java.util.ArrayList;
import java.util.List;

/**
 * Which rank counts a workspace can serve.
 *
 * @param supported ascending, 1 first
 * @param refused the others, with the reason
 * @param leastCommonMultiple of those supported: what is split evenly is padded to it
 */
record RankChoice(List<Integer> supported, List<RankRefusal> refused, int leastCommonMultiple) {

  /**
   * Tries every count.
   *
   * @param qkvTiled whether a fused projection is stored in tiles
   * @param outputTiled whether an output projection is
   */
  static RankChoice of(ModelConfig config, int ranksMax, boolean qkvTiled, boolean outputTiled) {
    List<Integer> supported = new ArrayList<>();
    List<RankRefusal> refused = new ArrayList<>();
    int multiple = 1;
    for (int ranks = 1; ranks <= ranksMax; ranks++) {
      String reason = refusal(config, ranks, qkvTiled, outputTiled);
      if (reason == null) {
        supported.add(ranks);
        multiple = leastCommonMultiple(multiple, ranks);
      } else {
        refused.add(new RankRefusal(ranks, reason));
      }
    }
    return new RankChoice(supported, refused, multiple);
  }

  private static String refusal(
      ModelConfig config, int ranks, boolean qkvTiled, boolean outputTiled) {
    int heads = config.queryHeads();
    int kvHeads = config.kvHeads();
    if (heads % ranks != 0) {
      return ranks + " does not divide " + heads + " query heads";
    }
    if (kvHeads % ranks != 0 && ranks % kvHeads != 0) {
      return ranks + " neither divides " + kvHeads + " key/value heads nor is a multiple of them";
    }
    KvGroups groups = new KvGroups(kvHeads, heads / kvHeads, config.headSize());
    if (qkvTiled && !onTiles(groups, ranks)) {
      return "the heads of one rank are not whole int4 tiles of 64 outputs";
    }
    long attended = (long) heads * config.headSize();
    if (outputTiled && attended % ((long) ranks * Int4Tile.INPUTS) != 0) {
      return attended
          + " inputs of the output projection are not "
          + ranks
          + " runs of whole int4 tiles of 128 inputs";
    }
    return null;
  }

  private static boolean onTiles(KvGroups groups, int ranks) {
    if (groups.kvHeads() % ranks == 0) {
      return groups.rankOutputs(ranks) % Int4Tile.OUTPUTS == 0;
    }
    long queries = (long) groups.rankQueryHeads(ranks) * groups.headSize();
    return queries % Int4Tile.OUTPUTS == 0
        && groups.groupOutputs() % Int4Tile.OUTPUTS == 0
        && 2L * groups.headSize() % Int4Tile.OUTPUTS == 0;
  }

  private static int leastCommonMultiple(int a, int b) {
    int x = a;
    int y = b;
    while (y != 0) {
      int rest = x % y;
      x = y;
      y = rest;
    }
    return a / x * b;
  }
}

package dev.millrace.cuda;

import dev.millrace.engine.compute.HeadLayout;
import dev.millrace.engine.step.StepPlan;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Prefix attention's share of a step: what sequences begin with that others begin with too, read
 * once for all of them. A group's rows are cut into tiles, its pages into chunks of about the same
 * length, so that the device is busy. Each sequence has a partial result for each chunk, from slot
 * 0 on, from which decode attention goes on behind. Reused step after step.
 */
final class PrefixTiles {
  // Times of a multiprocessor, in reads of a page by decode attention: 1 us, of an H100 in bf16.

  /** What a tile takes for a page: 1.6 us with 128 rows, 1.2 us with 16. */
  private static final double PAGE_TIME = 1.6;

  /** What a tile takes beside its pages, 5 us, in pages. */
  private static final int TILE_COST = 3;

  /** What decode attention takes to go on from one partial result more, in pages. */
  private static final double START_COST = 1;

  /** One launch more. */
  private static final int LAUNCH_TIME = 4;

  /** Most chunks of a group that is alone; of many groups, two: there is enough to do then. */
  private static final int CHUNKS_MAX = 32;

  private final StepLayout layout;
  private final SharedBeginnings beginnings;
  private final int decodeGroups;
  private final int multiprocessors;
  private final int groupSize;
  private final int kvHeads;
  private final int units;
  private final int[] pages; // of a sequence, that prefix attention reads; (sequencesMax)
  private final int[] slots; // of a sequence, where its partial results start; (sequencesMax)
  private final int[] chunks; // of a sequence; (sequencesMax)
  private final int[] parts; // chunks of a group; (sequencesMax / 4)
  private int tiles;
  private int members;
  private int slotsUsed;

  /**
   * @param decodeGroups groups of warps of the device that take items of decode attention
   */
  PrefixTiles(StepLayout layout, int decodeGroups, int multiprocessors) {
    this.layout = layout;
    this.decodeGroups = decodeGroups;
    this.multiprocessors = multiprocessors;
    HeadLayout heads = layout.limits().heads();
    groupSize = heads.groupSize();
    kvHeads = heads.kvHeads();
    units = kvHeads * StepLayout.headTiles(heads);
    int sequencesMax = layout.limits().sequencesMax();
    beginnings = new SharedBeginnings(sequencesMax);
    pages = new int[sequencesMax];
    slots = new int[sequencesMax];
    chunks = new int[sequencesMax];
    parts = new int[sequencesMax / SharedBeginnings.SEQUENCES_MIN];
  }

  /**
   * Chooses what is read once, and writes its tiles behind those of prefill attention.
   *
   * @param decoded the sequences that are decoded, the first {@code decodes} of the array
   * @param pageStarts where the pages of each sequence of the plan start
   * @param firstTile tiles of prefill attention
   */
  void write(
      StepPlan plan,
      int[] decoded,
      int decodes,
      int[] pageStarts,
      int firstTile,
      ByteBuffer memory) {
    Arrays.fill(pages, 0, plan.sequences(), 0);
    Arrays.fill(chunks, 0, plan.sequences(), 0);
    tiles = 0;
    members = 0;
    slotsUsed = 0;
    long saved = beginnings.find(plan, decoded, decodes);
    if (saved == 0) {
      return;
    }
    double time = cut(layout.tilesMax() - firstTile);
    if (saved * (double) units / multiprocessors <= time * PAGE_TIME + LAUNCH_TIME) {
      return;
    }
    writeMembers(plan, memory);
    writeTiles(pageStarts, layout.tiles() + StepLayout.TILE_BYTES * firstTile, memory);
  }

  /**
   * Cuts groups into chunks so that all multiprocessors end at about the same time: some groups
   * stay whole, the chunks of the others fill what these leave idle.
   *
   * @return how long it takes, in pages
   */
  private double cut(int tilesMax) {
    int groups = beginnings.groups();
    int longest = 0;
    for (int g = 0; g < groups; g++) {
      longest = Math.max(longest, beginnings.blocksOf(g));
    }
    Arrays.fill(parts, 0, groups, 1);
    double least = Double.MAX_VALUE;
    int cutsMax = Math.min(longest, Math.max(2, CHUNKS_MAX / groups));
    for (int cuts = 1; cuts <= cutsMax; cuts++) {
      int length = (int) StepLayout.divideUp(longest, cuts);
      Cut cut = new Cut();
      for (int g = 0; g < groups; g++) {
        cut.add(g);
      }
      for (int whole = groups; whole >= (cuts == 1 ? groups : 0); whole--) {
        if (whole < groups) {
          cut.move(whole, partsOf(whole, length));
        }
        double time = cut.time();
        if (time < least && cut.fits(tilesMax)) {
          least = time;
          for (int g = 0; g < groups; g++) {
            parts[g] = g < whole ? 1 : partsOf(g, length);
          }
        }
      }
    }
    return least;
  }

  private int partsOf(int group, int length) {
    return (int) StepLayout.divideUp(beginnings.blocksOf(group), length);
  }

  /** Sums over groups that stay whole, [0], and others, [1]. */
  private final class Cut {
    private final long[] items = new long[2];
    private final double[] work = new double[2]; // in pages
    private long starts; // that decode attention has beyond one a sequence
    private long tiles;
    private long slots;

    /** A group that is whole. */
    void add(int group) {
      sum(group, 1, 0, 1);
    }

    /** A group that was whole is cut. */
    void move(int group, int chunks) {
      sum(group, 1, 0, -1);
      sum(group, chunks, 1, 1);
    }

    private void sum(int group, int chunks, int which, int sign) {
      long added = (long) sign * chunks * StepLayout.divideUp(rows(group), StepLayout.TILE_ROWS);
      long count = added * kvHeads;
      items[which] += count;
      work[which] += count * (beginnings.blocksOf(group) / (double) chunks + TILE_COST);
      starts += (long) sign * (chunks - 1) * beginnings.sequencesOf(group);
      slots += (long) sign * chunks * beginnings.sequencesOf(group);
      tiles += added;
    }

    /** How long it takes, in pages. */
    double time() {
      double each = items[0] == 0 ? 0 : work[0] / items[0];
      double cutEach = items[1] == 0 ? 0 : work[1] / items[1];
      long cutItems = items[1];
      double time = StepLayout.divideUp(items[0], multiprocessors) * each;
      time += starts * units * START_COST / decodeGroups;
      if (items[0] % multiprocessors > 0 && cutItems > 0) {
        long idle = multiprocessors - items[0] % multiprocessors;
        cutItems = Math.max(0, cutItems - ((long) (each / cutEach)) * idle);
      }
      return time + StepLayout.divideUp(cutItems, multiprocessors) * cutEach;
    }

    /** Whether there is room; half of the slots are left to decode attention. */
    boolean fits(int tilesMax) {
      return starts == 0 || (tiles <= tilesMax && slots <= layout.slotsMax() / 2);
    }
  }

  private int rows(int group) {
    return beginnings.sequencesOf(group) * groupSize;
  }

  private void writeMembers(StepPlan plan, ByteBuffer memory) {
    int at = layout.prefixMembers();
    for (int g = 0; g < beginnings.groups(); g++) {
      for (int i = 0; i < beginnings.sequencesOf(g); i++) {
        int s = beginnings.sequence(g, i);
        pages[s] = beginnings.blocksOf(g);
        slots[s] = slotsUsed;
        chunks[s] = parts[g];
        memory.putInt(at, plan.queryStarts()[s]);
        memory.putInt(at + 4, slotsUsed);
        at += StepLayout.MEMBER_BYTES;
        members++;
        slotsUsed += parts[g];
      }
    }
  }

  /** Tiles that take longest first: they are taken as multiprocessors come to them. */
  private void writeTiles(int[] pageStarts, int at, ByteBuffer memory) {
    int most = Arrays.stream(parts, 0, beginnings.groups()).max().orElse(0);
    for (int cuts = 1; cuts <= most; cuts++) {
      writeTiles(true, cuts, pageStarts, at, memory);
    }
    for (int cuts = 1; cuts <= most; cuts++) {
      writeTiles(false, cuts, pageStarts, at, memory);
    }
  }

  /** Those with rows for every warp, or the others, of groups in so many chunks. */
  private void writeTiles(
      boolean full, int cuts, int[] pageStarts, int firstAt, ByteBuffer memory) {
    int member = 0;
    for (int g = 0; g < beginnings.groups(); g++) {
      int end = rows(g);
      int fullEnd = end / StepLayout.TILE_ROWS * StepLayout.TILE_ROWS;
      int stop = parts[g] != cuts ? 0 : full ? fullEnd : end;
      for (int c = 0; c < cuts; c++) {
        for (int start = full ? 0 : fullEnd; start < stop; start += StepLayout.TILE_ROWS) {
          int blocks = beginnings.blocksOf(g);
          int first = blocks * c / cuts;
          int at = firstAt + StepLayout.TILE_BYTES * tiles++;
          memory.putInt(at, member);
          memory.putInt(at + 4, start);
          memory.putInt(at + 8, end);
          memory.putInt(at + 12, pageStarts[beginnings.sequence(g, 0)] + first);
          memory.putInt(at + 16, blocks * (c + 1) / cuts - first);
          memory.putInt(at + 20, c);
        }
      }
      member += beginnings.sequencesOf(g);
    }
  }

  int tiles() {
    return tiles;
  }

  /** Sequences that are told of, behind each other. */
  int members() {
    return members;
  }

  /** Slots of partial results, from 0 on, that are taken. */
  int slotsUsed() {
    return slotsUsed;
  }

  /** Pages of a sequence that decode attention does not read. */
  int pages(int sequence) {
    return pages[sequence];
  }

  /** Where the partial results of a sequence start. */
  int slot(int sequence) {
    return slots[sequence];
  }

  /** Partial results of a sequence, or 0. */
  int chunks(int sequence) {
    return chunks[sequence];
  }
}

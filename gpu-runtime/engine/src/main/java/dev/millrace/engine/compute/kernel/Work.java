package dev.millrace.engine.compute.kernel;

/** Work cut into units that may be done at the same time, in any order, by any worker. */
public interface Work {

  /**
   * Does one unit.
   *
   * @param worker who does it, from 0 to the workers of the pool: picks scratch
   * @param unit from 0 to the count the pool was given
   */
  void run(int worker, int unit);
}

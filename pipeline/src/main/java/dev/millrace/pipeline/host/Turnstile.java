package dev.millrace.pipeline.host;

import java.util.HashMap;
import java.util.Map;

/** Counts whose requests are in the engine, and lets one connection have it alone. */
final class Turnstile {
  private final Map<Object, Integer> inside = new HashMap<>();
  private Object owner;

  /** Lets a request of somebody in; waits while another has the engine alone. */
  synchronized void enter(Object who) throws InterruptedException {
    while (owner != null && owner != who) {
      wait();
    }
    inside.merge(who, 1, Integer::sum);
  }

  synchronized void leave(Object who) {
    inside.computeIfPresent(who, (key, count) -> count == 1 ? null : count - 1);
    notifyAll();
  }

  /** Waits for the turn to have the engine alone, then for the others' requests to leave. */
  synchronized void claim(Object who) throws InterruptedException {
    while (owner != null && owner != who) {
      wait();
    }
    owner = who;
    boolean alone = false;
    try {
      while (inside.keySet().stream().anyMatch(other -> other != who)) {
        wait();
      }
      alone = true;
    } finally {
      if (!alone) {
        release(who);
      }
    }
  }

  synchronized void release(Object who) {
    if (owner == who) {
      owner = null;
      notifyAll();
    }
  }
}

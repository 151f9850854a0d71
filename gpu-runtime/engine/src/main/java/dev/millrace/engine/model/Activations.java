package dev.millrace.engine.model;

import dev.millrace.api.workspace.RotaryRecord;
import dev.millrace.engine.compute.Allocation;
import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.Tensor;
import java.util.ArrayList;
import java.util.List;

/** The tensors of an {@link ActivationPlan}, allocated; all layers share them. */
final class Activations {
  final Tensor hidden;
  final Tensor normed;
  final Tensor partial;
  final Tensor qkv;
  final Tensor attended;
  final Tensor gateUp;
  final Tensor gated;
  final Tensor chosen;
  final Tensor logits;
  final Tensor gathered;
  private final List<Tensor> rotary = new ArrayList<>();
  private final List<RotaryRecord> rotations;

  /**
   * @param taken takes everything allocated, as it is allocated
   */
  Activations(Backend backend, ActivationPlan plan, DecoderShape shape, List<Allocation> taken) {
    hidden = take(plan.hidden(), backend, taken);
    normed = take(plan.normed(), backend, taken);
    partial = take(plan.partial(), backend, taken);
    qkv = take(plan.qkv(), backend, taken);
    attended = take(plan.attended(), backend, taken);
    gateUp = take(plan.gateUp(), backend, taken);
    gated = take(plan.gated(), backend, taken);
    chosen = take(plan.chosen(), backend, taken);
    logits = take(plan.logits(), backend, taken);
    gathered =
        plan.gathered().equals(plan.logits()) ? logits : take(plan.gathered(), backend, taken);
    rotations = RotaryTables.distinct(shape.layers());
    for (int i = 0; i < rotations.size(); i++) {
      Tensor table = take(plan.rotary().get(i), backend, taken);
      backend.write(RotaryTables.values(rotations.get(i), table.rows()), table, table.rows());
      rotary.add(table);
    }
  }

  private static Tensor take(TensorPlan plan, Backend backend, List<Allocation> taken) {
    Tensor tensor = plan.allocate(backend);
    taken.add(tensor);
    return tensor;
  }

  /** The table of a rotation. */
  Tensor rotary(RotaryRecord rotation) {
    return rotary.get(RotaryTables.indexOf(rotations, rotation));
  }
}

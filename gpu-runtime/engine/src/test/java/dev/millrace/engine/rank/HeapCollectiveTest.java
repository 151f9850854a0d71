package dev.millrace.engine.rank;

import dev.millrace.engine.compute.HostTensor;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.compute.Tensor;
import java.time.Duration;
import java.util.List;

final class HeapCollectiveTest extends CollectiveContractTest {

  @Override
  protected List<Collective> group(int ranks, Duration deadline) {
    return HeapCollective.group(ranks, deadline);
  }

  @Override
  protected Tensor tensor(int rows, int width, float[] values) {
    HostTensor tensor = new HostTensor(MemoryPurpose.ACTIVATIONS, "x", rows, width);
    System.arraycopy(values, 0, tensor.values(), 0, values.length);
    return tensor;
  }

  @Override
  protected float[] read(Tensor x) {
    return ((HostTensor) x).values();
  }
}

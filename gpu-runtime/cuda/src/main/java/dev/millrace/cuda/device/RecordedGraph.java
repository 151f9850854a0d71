package dev.millrace.cuda.device;

import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.JCudaDriver;

/** Work of a stream that was recorded once and is launched as a whole. */
public final class RecordedGraph implements AutoCloseable {
  private final CUgraphExec executable = new CUgraphExec();

  private RecordedGraph() {}

  /**
   * Records what {@code work} puts into the stream; nothing runs.
   *
   * @throws CudaException if the work does what cannot be recorded
   */
  public static RecordedGraph record(CudaStream stream, Runnable work) {
    Driver.check(
        JCudaDriver.cuStreamBeginCapture(
            stream.handle(), CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
        "beginning a recording");
    CUgraph graph = new CUgraph();
    try {
      work.run();
    } catch (RuntimeException e) {
      JCudaDriver.cuStreamEndCapture(stream.handle(), graph);
      throw e;
    }
    Driver.check(JCudaDriver.cuStreamEndCapture(stream.handle(), graph), "ending a recording");
    RecordedGraph recorded = new RecordedGraph();
    int result = JCudaDriver.cuGraphInstantiate(recorded.executable, graph, 0L);
    Driver.check(JCudaDriver.cuGraphDestroy(graph), "dropping a recording");
    Driver.check(result, "preparing a recording");
    return recorded;
  }

  public void launch(CudaStream stream) {
    Driver.check(JCudaDriver.cuGraphLaunch(executable, stream.handle()), "launching a recording");
  }

  @Override
  public void close() {
    Driver.check(JCudaDriver.cuGraphExecDestroy(executable), "closing a recording");
  }
}

package dev.millrace.jobs.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.cuda.examination.CudaFinding;
import dev.millrace.cuda.examination.CudaFinding.State;
import dev.millrace.jobs.doctor.Finding.Grade;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExaminationTest {
  @TempDir private Path cache;

  private List<Finding> findings(CudaFinding... gpus) {
    return new Examination(cache, null, null, () -> List.of(gpus)).findings();
  }

  @Test
  void whatGpusLackSlowsJobsAndWhatTheyComputeWrongIsMissing() {
    List<Finding> findings =
        findings(
            new CudaFinding("NVIDIA driver", State.GOOD, "CUDA 13.0", ""),
            new CudaFinding("NVRTC", State.LACKING, "not installed", "Install it."),
            new CudaFinding("GPU 0 at work", State.BROKEN, "1 + 1 is 3", "Do not use it."));

    assertEquals(
        List.of(
            Finding.good("NVIDIA driver", "CUDA 13.0"),
            Finding.slow("NVRTC", "not installed", "Install it."),
            Finding.missing("GPU 0 at work", "1 + 1 is 3", "Do not use it.")),
        findings.subList(findings.size() - 3, findings.size()));
  }

  @Test
  void gpusAreLookedAtAfterAllElse() {
    List<Finding> findings = findings();

    assertEquals("Java", findings.get(0).subject());
    Finding last = findings.get(findings.size() - 1);
    assertEquals("sample model", last.subject());
    assertEquals(Grade.SLOW, last.grade());
    assertTrue(last.remedy().contains("distribution"), last.remedy());
  }
}

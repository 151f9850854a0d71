package dev.millrace.jobs.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

final class CeilingsTest {

  @Test
  void anUploadIsHeldAgainstWhatLimitsIt() {
    Ceilings slowDisk = new Ceilings(4e12, 8e14, 55e9, 2e9, "measured");
    Ceilings disturbed = new Ceilings(4e12, 8e14, 55e9, 28e9, "measured");

    assertEquals(2e9, slowDisk.uploadCeiling(1.7e9));
    assertEquals(55e9, disturbed.uploadCeiling(50.5e9));
    assertTrue(disturbed.holdUploads());
    assertFalse(Ceilings.UNKNOWN.holdUploads());
    assertFalse(Ceilings.given(4e12, 8e14).holdUploads());
  }
}

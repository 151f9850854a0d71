package dev.millrace.pipeline.write;

import java.io.IOException;
import java.io.OutputStream;

/** Opens the failures file of an output file, once its first failed row shows that there is one. */
interface FailureOutput {
  OutputStream open() throws IOException;
}

package dev.millrace.jobs;

import dev.millrace.converter.Conversion;
import dev.millrace.converter.ConversionResult;
import dev.millrace.converter.ConversionSettings;
import dev.millrace.converter.read.QuantizationConfig;
import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.model.TemplateTrial;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.jobs.progress.Amounts;
import dev.millrace.jobs.progress.ByteProgressPrinter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Converts a checkpoint into a workspace, on the CPU alone and in little memory. */
@Command(
    name = "convert",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false,
    customSynopsis = {
      "millrace convert --checkpoint PATH --output PATH [OPTIONS]",
      "millrace convert --random SEED --config NAME [--quantization WORD] --output PATH [OPTIONS]"
    },
    description = {
      "Converts a Hugging Face checkpoint into a workspace, once; jobs then run from it.",
      "Touches no GPU and needs 512 MiB of heap, whatever the size of the checkpoint."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  millrace convert --checkpoint Qwen2.5-0.5B-Instruct --output qwen",
      "  millrace convert --random 1 --config qwen2.5-7b --quantization awq --output bench"
    })
final class ConvertCommand implements Callable<Integer> {
  private final Console console;

  @ArgGroup(multiplicity = "1")
  private Source source;

  @Option(
      names = {"-o", "--output"},
      required = true,
      paramLabel = "PATH",
      description = "Workspace to make; nothing that is there is replaced.")
  private Path output;

  @Option(
      names = "--ranks-max",
      paramLabel = "N",
      description = "Largest rank count to serve, 1 to 8. Default: ${DEFAULT-VALUE}.")
  private int ranksMax = ConversionSettings.RANKS_MAX;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads that read, pack and write. Unset: one per core.")
  private Integer threads;

  @Option(
      names = {"-v", "--verbose"},
      description = "Log more, and show stack traces.")
  private boolean verbose;

  ConvertCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    Logging.setUp(verbose);
    if (ranksMax < 1 || ranksMax > ConversionSettings.RANKS_MAX) {
      throw CommandException.usage(
          "Expected 1 to "
              + ConversionSettings.RANKS_MAX
              + " ranks, found "
              + ranksMax
              + " (ranks-max)",
          "Correct that option.");
    }
    if (threads != null && threads < 1) {
      throw CommandException.usage(
          "Expected at least 1 thread, found " + threads + " (threads)", "Correct that option.");
    }
    ByteProgressPrinter printer =
        new ByteProgressPrinter("Converting:", console.err(), console.terminal(), System::nanoTime);
    ConversionSettings settings =
        new ConversionSettings(
            output,
            ranksMax,
            threads != null ? threads : Runtime.getRuntime().availableProcessors(),
            new TemplateTrial(),
            progress -> printer.progress(progress.bytesDone(), progress.bytesTotal()));
    ConversionResult result;
    try {
      result = source.convert(settings);
    } finally {
      printer.finish();
    }
    result.remarks().forEach(console::notice);
    console.out().println(told(result));
    return ExitCode.DONE.number();
  }

  private static String told(ConversionResult result) {
    if (result.alreadyThere()) {
      return "Already there: " + result.workspace() + " is this checkpoint; nothing was done.";
    }
    double seconds = result.elapsedNanos() / 1e9;
    return "Converted to "
        + result.workspace()
        + ": "
        + Amounts.bytes(result.bytesWritten())
        + " in "
        + Amounts.text(seconds)
        + ", "
        + Amounts.bytes((long) (result.bytesWritten() / seconds))
        + "/s; serves tp "
        + result.manifest().supportedRanks()
        + ".";
  }

  /** A checkpoint, or random weights of real shapes. */
  static final class Source {
    @Option(
        names = {"-c", "--checkpoint"},
        required = true,
        paramLabel = "PATH",
        description = "Folder with config.json, .safetensors files and the tokenizer.")
    private Path checkpoint;

    @ArgGroup(exclusive = false, heading = "%nRandom weights, for benchmarks:%n")
    private RandomSource random;

    ConversionResult convert(ConversionSettings settings) throws IOException, InterruptedException {
      return random == null
          ? Conversion.ofCheckpoint(checkpoint, settings)
          : random.convert(settings);
    }
  }

  /** What random weights are made of. */
  static final class RandomSource {
    @Option(
        names = "--random",
        required = true,
        paramLabel = "SEED",
        description = "Make up the weights from this seed.")
    private long seed;

    @Option(
        names = "--config",
        required = true,
        paramLabel = "NAME",
        description =
            "Model whose shapes to take: its config.json, or qwen2.5-7b and the like (0.5b to 72b).")
    private String config;

    @Option(
        names = "--quantization",
        paramLabel = "WORD",
        description = "none, awq or gptq. Default: none.")
    private Quantization quantization = Quantization.none;

    @Option(
        names = "--tokenizer",
        paramLabel = "PATH",
        description =
            "Folder with the tokenizer to take. Unset: none; prompts are then token ids alone.")
    private Path tokenizer;

    ConversionResult convert(ConversionSettings settings) throws IOException, InterruptedException {
      Path path = Path.of(config);
      Path file = Files.isDirectory(path) ? path.resolve("config.json") : path;
      return Files.exists(file)
          ? Conversion.ofRandom(seed, file, quantization.method, tokenizer, settings)
          : Conversion.ofRandomShape(seed, config, quantization.method, tokenizer, settings);
    }
  }

  /** How random weights are packed; in lower case, as it is typed. */
  enum Quantization {
    none(null),
    awq(QuantizationConfig.Method.AWQ),
    gptq(QuantizationConfig.Method.GPTQ);

    private final QuantizationConfig.Method method;

    Quantization(QuantizationConfig.Method method) {
      this.method = method;
    }
  }
}

package dev.millrace.converter;

import dev.millrace.api.workspace.MalformedWorkspaceException;
import dev.millrace.api.workspace.TensorEntry;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.api.workspace.WorkspaceLayout;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.api.workspace.WorkspaceManifest.TextFile;
import dev.millrace.api.workspace.WorkspaceWriter;
import dev.millrace.converter.read.ModelConfig;
import dev.millrace.converter.read.TextFiles;
import dev.millrace.converter.write.ConversionPlan;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** One conversion: plan, check the place, copy the texts, write the weights, publish. */
final class ConversionRun {
  private static final long SPARE_BYTES = 16L << 20;

  private final ModelSource source;
  private final ConversionSettings settings;
  private final Path output;
  private final long startNanos = System.nanoTime();
  private final List<String> remarks = new ArrayList<>();

  ConversionRun(ModelSource source, ConversionSettings settings) throws IOException {
    this.source = source;
    this.settings = settings;
    Path place = settings.output().toAbsolutePath().normalize();
    // a rename replaces a link, and not the folder that it names
    this.output = Files.isSymbolicLink(place) && Files.exists(place) ? place.toRealPath() : place;
  }

  ConversionResult run() throws IOException, InterruptedException {
    if (source.config().architecture().equals(ModelConfig.QWEN2_VL)) {
      remarks.add(
          "the vision tower is not converted: the model answers text, and rows with pictures fail");
    }
    ConversionPlan plan = ConversionPlan.of(source.weights(), source.config(), settings.ranksMax());
    Optional<WorkspaceManifest> there = existing(plan);
    if (there.isPresent()) {
      return alreadyThere(there.get());
    }
    WorkspaceLayout layout = WorkspaceLayout.plan(plan.tensors(), plan.supportedRanks());
    requireSpace(layout.bytes());
    try (WorkspaceWriter writer = WorkspaceWriter.create(output, layout)) {
      List<TextFile> texts = copyTexts(writer);
      new SegmentWriters(writer, layout, plan, settings).run();
      WorkspaceManifest manifest = manifest(plan, layout, writer.tensors(), texts);
      try {
        writer.publish(manifest);
      } catch (FileSystemException e) {
        // another conversion may have finished first
        return alreadyThere(existing(plan).orElseThrow(() -> e));
      }
      return new ConversionResult(
          output, manifest, false, layout.bytes(), System.nanoTime() - startNanos, remarks);
    } catch (ClosedByInterruptException e) {
      Thread.interrupted(); // as InterruptedException does
      throw (InterruptedException) new InterruptedException("interrupted").initCause(e);
    } catch (IOException e) {
      throw withSpace(e);
    }
  }

  private ConversionResult alreadyThere(WorkspaceManifest manifest) {
    return new ConversionResult(output, manifest, true, 0, System.nanoTime() - startNanos, remarks);
  }

  private Optional<WorkspaceManifest> existing(ConversionPlan plan) throws IOException {
    if (!Files.exists(output, LinkOption.NOFOLLOW_LINKS)) {
      return Optional.empty();
    }
    if (Conversion.isEmptyFolder(output)) {
      requireReplaceable();
      return Optional.empty();
    }
    String elsewhere = "choose another output, or delete this one first";
    if (!Files.isDirectory(output) || !Workspace.isWorkspace(output)) {
      throw new ConversionException(
          output.toString(), "nothing, or an empty folder", "other files", elsewhere);
    }
    try (Workspace workspace = Workspace.open(output)) {
      WorkspaceManifest manifest = workspace.manifest();
      boolean same =
          manifest.source().fingerprint().equals(source.record().fingerprint())
              && manifest.supportedRanks().equals(plan.supportedRanks())
              && manifest.shape().equals(plan.shape());
      if (!same) {
        throw new ConversionException(
            output.toString(),
            "nothing, or the workspace of this checkpoint for ranks " + plan.supportedRanks(),
            "a workspace of "
                + manifest.source().name()
                + " for ranks "
                + manifest.supportedRanks(),
            elsewhere);
      }
      return Optional.of(manifest);
    } catch (MalformedWorkspaceException e) {
      throw new ConversionException(
          output.toString(),
          "nothing, or the workspace of this checkpoint",
          "one that cannot be read (" + e.getMessage() + ")",
          "delete " + output + ", then run this again",
          e);
    }
  }

  /** A mount point cannot be renamed onto: better told now than after hours. */
  private void requireReplaceable() throws IOException {
    Path parent = output.getParent();
    if (parent != null && !Files.getFileStore(output).equals(Files.getFileStore(parent))) {
      throw new ConversionException(
          output.toString(),
          "a folder that can be replaced",
          "a mount point",
          "name a folder inside it");
    }
  }

  private void requireSpace(long bytes) throws IOException {
    Path folder = output.getParent();
    while (folder != null && !Files.exists(folder)) {
      folder = folder.getParent();
    }
    if (folder == null) {
      throw new ConversionException(
          output.toString(), "a folder", "the root", "choose another output");
    }
    if (!Files.isWritable(folder)) {
      throw new ConversionException(
          folder.toString(),
          "a folder that can be written",
          "one that cannot",
          "choose another output, or change its permissions");
    }
    long usable = Files.getFileStore(folder).getUsableSpace();
    if (usable < bytes + SPARE_BYTES) {
      throw new ConversionException(
          folder.toString(),
          (bytes + SPARE_BYTES) + " free bytes for the workspace",
          usable + " bytes",
          "free some space, or choose another output");
    }
  }

  private List<TextFile> copyTexts(WorkspaceWriter writer) throws IOException {
    List<TextFile> texts = new ArrayList<>();
    if (source.textFolder() != null) {
      for (String name : TextFiles.COPIED) {
        Path file = source.textFolder().resolve(name);
        if (Files.isRegularFile(file)) {
          texts.add(writer.addText(name, Files.readAllBytes(file)));
        }
      }
    }
    boolean tokenizer = texts.stream().anyMatch(text -> text.name().equals("tokenizer.json"));
    if (!tokenizer) {
      remarks.add("there is no tokenizer.json: prompts can be given as token ids alone");
    }
    remarks.addAll(
        settings.textCheck().check(writer.textFolder(), source.config().vocabularySize()));
    return texts;
  }

  private WorkspaceManifest manifest(
      ConversionPlan plan,
      WorkspaceLayout layout,
      List<TensorEntry> tensors,
      List<TextFile> texts) {
    return new WorkspaceManifest(
        WorkspaceManifest.FORMAT_VERSION,
        creator(),
        source.config().architecture(),
        plan.shape(),
        plan.layers(),
        plan.supportedRanks(),
        plan.refusedRanks(),
        source.record(),
        source.weights().quantization(),
        source.generation(),
        texts,
        layout.dataFiles(),
        tensors);
  }

  private static String creator() {
    String version = ConversionRun.class.getPackage().getImplementationVersion();
    return "millrace " + (version == null ? "development" : version);
  }

  /** A disk that fills up is told with its name and what is left on it. */
  private IOException withSpace(IOException e) {
    String message = String.valueOf(e.getMessage());
    if (!message.contains("No space left") && !message.contains("not enough space")) {
      return e;
    }
    return new ConversionException(
        output.getParent().toString(),
        "room for the workspace",
        "a full disk",
        "free some space, or choose another output",
        e);
  }
}

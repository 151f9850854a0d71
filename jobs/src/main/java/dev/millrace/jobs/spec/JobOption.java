package dev.millrace.jobs.spec;

import static dev.millrace.jobs.spec.OptionGroup.CLUSTER;
import static dev.millrace.jobs.spec.OptionGroup.ENGINE;
import static dev.millrace.jobs.spec.OptionGroup.MODEL;
import static dev.millrace.jobs.spec.OptionGroup.ROWS;
import static dev.millrace.jobs.spec.OptionGroup.RUN;
import static dev.millrace.jobs.spec.OptionGroup.SAMPLING;

import java.util.List;
import java.util.Optional;

/**
 * Every option of a job: its flags, its key in a job spec, its type, default and meaning. Flags,
 * spec keys, help and {@code docs/options.md} all come from this table, so they cannot drift apart.
 *
 * <p>A default of null means that the option is not set; its description says what happens then.
 */
@SuppressWarnings("ImmutableEnumChecker") // its lists are unmodifiable
public enum JobOption {
  INPUT(
      ROWS,
      "input",
      "-i,--input",
      OptionType.PATHS,
      null,
      "rows.parquet",
      "Files, folders or globs to read: Parquet, Arrow IPC or Feather, JSONL, OpenAI batch lines."),
  OUTPUT(
      ROWS,
      "output",
      "-o,--output",
      OptionType.PATH,
      null,
      "answers",
      "Folder to write to. Unset: a folder beside the input, named <input>-output."),
  OUTPUT_FORMAT(
      ROWS,
      "output_format",
      "--output-format",
      OptionType.CHOICE,
      "same",
      "jsonl",
      "Format of the output; same takes the input's.",
      "same",
      "parquet",
      "arrow",
      "jsonl"),
  OUTPUT_COLUMN(
      ROWS,
      "output_column",
      "--output-column",
      OptionType.TEXT,
      "output",
      "answer",
      "Name of the answer's column; NAME_error, NAME_meta and the others are named after it."),
  OUTPUT_TOKEN_IDS(
      ROWS,
      "output_token_ids",
      "--output-token-ids",
      OptionType.FLAG,
      "false",
      "true",
      "Write the generated token ids too, as NAME_token_ids."),
  PROMPT_COLUMN(
      ROWS,
      "prompt_column",
      "--prompt-column",
      OptionType.TEXT,
      null,
      "question",
      "Text column to answer. Unset: prompt, messages or prompt_token_ids, whichever is there."),
  MESSAGES_COLUMN(
      ROWS,
      "messages_column",
      "--messages-column",
      OptionType.TEXT,
      null,
      "chat",
      "Column of conversations to answer, in place of a prompt column."),
  TOKEN_IDS_COLUMN(
      ROWS,
      "token_ids_column",
      "--token-ids-column",
      OptionType.TEXT,
      null,
      "ids",
      "Column of token ids to continue, in place of a prompt column."),
  CONTINUATION_COLUMN(
      ROWS,
      "continuation_column",
      "--continuation-column",
      OptionType.TEXT,
      null,
      "answer",
      "Text column that is scored after the prompt (log-likelihood); nothing is generated."),
  SETTINGS_COLUMN(
      ROWS,
      "settings_column",
      "--settings-column",
      OptionType.TEXT,
      null,
      "how",
      "Column of a row's own sampling settings. Unset: sampling_params, if there."),
  OVERRIDES(
      ROWS,
      "overrides",
      "--override",
      OptionType.PAIRS,
      null,
      "max_tokens=limit",
      "Sampling setting that a column of the row overrides: SETTING=COLUMN."),
  ID_COLUMN(
      ROWS,
      "id_column",
      "--id-column",
      OptionType.TEXT,
      null,
      "id",
      "Column that names each row; seeds are drawn from it. Unset: file and row number."),
  SYSTEM_PROMPT(
      ROWS,
      "system_prompt",
      "--system-prompt",
      OptionType.TEXT,
      null,
      "Answer briefly.",
      "System message put before every conversation that has none."),
  RAW_PROMPT(
      ROWS,
      "raw_prompt",
      "--raw-prompt",
      OptionType.FLAG,
      "false",
      "true",
      "Give prompts to the model as they are, without the chat template; not with --system-prompt."),
  PARSE_SPECIAL_TOKENS(
      ROWS,
      "parse_special_tokens",
      "--parse-special-tokens",
      OptionType.FLAG,
      "false",
      "true",
      "Read special tokens spelled in prompts and messages as those tokens, not as text: for prompts rendered elsewhere. Only for rows you trust."),
  TEMPLATE_VARIABLES(
      ROWS,
      "template_variables",
      "--template-variable",
      OptionType.PAIRS,
      null,
      "enable_thinking=false",
      "Variable that the chat template sees, NAME=VALUE: true, false and numbers as such, all else as text."),
  LIMIT(
      ROWS,
      "limit",
      "--limit",
      OptionType.INTEGER,
      null,
      "7",
      "Most rows to read, over all files. Unset: all."),
  ALLOWED_FAILURES(
      ROWS,
      "allowed_failures",
      "--allowed-failures",
      OptionType.SHARE,
      "0",
      "1%",
      "Share of the rows that may fail before the job counts as failed: 0.01 or 1%%."),

  WORKSPACE(
      MODEL,
      "workspace",
      "-w,--workspace",
      OptionType.PATH,
      null,
      "ws",
      "Converted model to run. Unset: $MILLRACE_WORKSPACE; jobs else take the sample model."),
  MODEL_CHECKPOINT(
      MODEL,
      "model",
      "-m,--model",
      OptionType.PATH,
      null,
      "checkpoint",
      "Hugging Face checkpoint to run; converted once, in a process of its own, into the cache."),
  TP(
      MODEL,
      "tp",
      "--tp,--tensor-parallel-size",
      OptionType.INTEGER,
      "1",
      "2",
      "Tensor-parallel ranks. Each takes a part of every layer."),
  BACKEND(
      MODEL,
      "backend",
      "--backend",
      OptionType.CHOICE,
      "auto",
      "reference",
      "What computes: auto (a GPU if one can be used, else the CPU), cpu, cuda or reference (slow).",
      "auto",
      "cpu",
      "cuda",
      "reference"),
  DEVICES(
      MODEL,
      "devices",
      "--devices",
      OptionType.INTEGERS,
      null,
      "0",
      "GPU of each rank, as 0,1; a GPU may hold several ranks. Unset: 0 to the ranks less one."),
  GPU_MEMORY(
      MODEL,
      "gpu_memory",
      "--gpu-memory",
      OptionType.BYTES,
      null,
      "80GiB",
      "Memory of each GPU to plan with, also for a GPU that is elsewhere. Unset: what is free."),
  RUNNER(
      CLUSTER,
      "runner",
      "--runner",
      OptionType.CHOICE,
      "direct",
      "flink",
      "Beam runner of the pipeline: direct (this machine, this process) or flink (a cluster).",
      "direct",
      "flink"),
  FLINK_MASTER(
      CLUSTER,
      "flink_master",
      "--flink-master",
      OptionType.TEXT,
      null,
      "127.0.0.1:8081",
      "REST address of a Flink 1.19 session cluster, HOST:PORT; local: one in this process;"
          + " application: the one whose JobManager this process is."),
  PARALLELISM(
      CLUSTER,
      "parallelism",
      "--parallelism",
      OptionType.INTEGER,
      "0",
      "2",
      "Slots of the cluster to use; 0 takes all of them (1 if local)."),
  ENGINE_HOST(
      CLUSTER,
      "engine_host",
      "--engine-host",
      OptionType.CHOICE,
      "auto",
      "process",
      "Where the engine runs: process (one of its own for each worker), in-jvm (the worker's), or"
          + " auto: process on Flink, else in-jvm.",
      "auto",
      "in-jvm",
      "process"),
  ENGINE_JVM(
      CLUSTER,
      "engine_jvm",
      "--engine-jvm",
      OptionType.TEXTS,
      null,
      "-Xmx8g",
      "Option for the JVM of the engine's process, for example --engine-jvm=-Xmx8g."),
  ENGINE_LINGER(
      CLUSTER,
      "engine_linger",
      "--engine-linger",
      OptionType.INTEGER,
      "120",
      "5",
      "Seconds that the engine's process stays when no job uses it."),
  REPLICAS(
      CLUSTER,
      "replicas",
      "--replicas",
      OptionType.INTEGER,
      "1",
      "2",
      "Engines in the engine's process, each on GPUs of its own; 0: as many as GPUs are free."),

  MAX_TOKENS(
      SAMPLING,
      "sampling.max_tokens",
      "--max-tokens,--max-new-tokens",
      OptionType.INTEGER,
      "256",
      "64",
      "Most tokens to generate per answer; fewer where the context has no room for them."),
  MIN_TOKENS(
      SAMPLING,
      "sampling.min_tokens",
      "--min-tokens",
      OptionType.INTEGER,
      "0",
      "3",
      "Tokens before which no answer may end."),
  TEMPERATURE(
      SAMPLING,
      "sampling.temperature",
      "--temperature",
      OptionType.DECIMAL,
      "0",
      "0.7",
      "0 takes the most likely token every time; higher draws more freely."),
  TOP_P(
      SAMPLING,
      "sampling.top_p",
      "--top-p",
      OptionType.DECIMAL,
      "1",
      "0.9",
      "Draw among the likeliest tokens that together reach this probability; 1 is off."),
  TOP_K(
      SAMPLING,
      "sampling.top_k",
      "--top-k",
      OptionType.INTEGER,
      "0",
      "40",
      "Draw among this many of the likeliest tokens; 0 is off."),
  MIN_P(
      SAMPLING,
      "sampling.min_p",
      "--min-p",
      OptionType.DECIMAL,
      "0",
      "0.05",
      "Drop tokens less likely than this times the likeliest; 0 is off."),
  REPETITION_PENALTY(
      SAMPLING,
      "sampling.repetition_penalty",
      "--repetition-penalty",
      OptionType.DECIMAL,
      "1",
      "1.1",
      "Divides the logits of tokens seen in prompt or answer; 1 is off. Acts under greedy too."),
  PRESENCE_PENALTY(
      SAMPLING,
      "sampling.presence_penalty",
      "--presence-penalty",
      OptionType.DECIMAL,
      "0",
      "0.5",
      "Subtracted once from the logits of tokens in the answer so far."),
  FREQUENCY_PENALTY(
      SAMPLING,
      "sampling.frequency_penalty",
      "--frequency-penalty",
      OptionType.DECIMAL,
      "0",
      "0.5",
      "Subtracted from the logits of tokens in the answer, times their count."),
  SEED(
      SAMPLING,
      "sampling.seed",
      "--seed",
      OptionType.INTEGER,
      null,
      "42",
      "Seed of the draws. Unset: each row's own, derived from its id."),
  STOP(
      SAMPLING,
      "sampling.stop",
      "--stop",
      OptionType.TEXTS,
      null,
      "###",
      "Text that ends an answer; may be given several times."),
  STOP_TOKEN_IDS(
      SAMPLING,
      "sampling.stop_token_ids",
      "--stop-token-ids",
      OptionType.INTEGERS,
      null,
      "2",
      "Token ids that end an answer, beside the model's own end tokens."),
  INCLUDE_STOP(
      SAMPLING,
      "sampling.include_stop",
      "--include-stop",
      OptionType.FLAG,
      "false",
      "true",
      "Keep the stop text that ended an answer in it."),
  IGNORE_EOS(
      SAMPLING,
      "sampling.ignore_eos",
      "--ignore-eos",
      OptionType.FLAG,
      "false",
      "true",
      "Do not end at the model's end tokens; for benchmarks."),
  SKIP_SPECIAL_TOKENS(
      SAMPLING,
      "sampling.skip_special_tokens",
      "--skip-special-tokens",
      OptionType.FLAG,
      "true",
      "false",
      "Leave special tokens out of the answers."),
  N(SAMPLING, "sampling.n", "--n", OptionType.INTEGER, "1", "2", "Answers per row."),
  LOGPROBS(
      SAMPLING,
      "sampling.logprobs",
      "--logprobs",
      OptionType.INTEGER,
      null,
      "5",
      "Log-probabilities of the answer's tokens, with this many alternatives. Unset: none."),
  PROMPT_LOGPROBS(
      SAMPLING,
      "sampling.prompt_logprobs",
      "--prompt-logprobs",
      OptionType.INTEGER,
      null,
      "0",
      "The same for the tokens of the prompt."),
  LOGIT_BIAS(
      SAMPLING,
      "sampling.logit_bias",
      "--logit-bias",
      OptionType.BIASES,
      null,
      "5=-100",
      "Added to the logits of these token ids."),
  BAD_WORDS(
      SAMPLING,
      "sampling.bad_words",
      "--bad-words",
      OptionType.TEXTS,
      null,
      "sorry",
      "Text that may not be generated; may be given several times."),

  BATCH_SIZE(
      ENGINE,
      "engine.batch_size",
      "--batch-size,--max-num-seqs,--max-batch-size",
      OptionType.INTEGER,
      null,
      "8",
      "Most sequences in one step. Unset: 64 on the CPU, 2048 on GPUs."),
  STEP_TOKENS(
      ENGINE,
      "engine.step_tokens",
      "--step-tokens,--max-num-batched-tokens",
      OptionType.INTEGER,
      null,
      "512",
      "Most tokens in one step; longer prompts come in pieces. Unset: 2048 on the CPU, 8192 on GPUs."),
  KV_CACHE(
      ENGINE,
      "engine.kv_cache",
      "--kv-cache,--kv-cache-memory-bytes",
      OptionType.BYTES,
      null,
      "256MiB",
      "Memory of the KV cache over all ranks. Unset: what the sequences need, as far as it fits."),
  KV_CACHE_GIB(
      ENGINE,
      "engine.kv_cache_gib",
      "--kv-cache-gib",
      OptionType.DECIMAL,
      null,
      "0.25",
      "The same as --kv-cache, as a number of GiB."),
  KV_CACHE_TYPE(
      ENGINE,
      "engine.kv_cache_type",
      "--kv-cache-type,--kv-cache-dtype",
      OptionType.CHOICE,
      "auto",
      "int8",
      "How keys and values are stored: auto (as the backend computes), or in 8 bits, int8 or fp8, which holds about twice the tokens on GPUs and rounds a little.",
      "auto",
      "int8",
      "fp8"),
  MEMORY_FRACTION(
      ENGINE,
      "engine.memory_fraction",
      "--memory-fraction,--cache-max-entry-count",
      OptionType.SHARE,
      null,
      "0.8",
      "Share of the memory left beside the model that the KV cache may take. Unset: 0.95 of a GPU's, 0.6 of the heap's."),
  MAX_MODEL_LEN(
      ENGINE,
      "engine.max_model_len",
      "--max-model-len,--session-len",
      OptionType.INTEGER,
      null,
      "1024",
      "Cap on prompt and answer together, in tokens. Unset: the model's own."),
  PREFIX_CACHING(
      ENGINE,
      "engine.prefix_caching",
      "--prefix-caching,--enable-prefix-caching",
      OptionType.FLAG,
      "true",
      "false",
      "Compute a beginning that several prompts share only once."),
  BATCH_INVARIANT(
      ENGINE,
      "engine.batch_invariant",
      "--batch-invariant",
      OptionType.FLAG,
      "false",
      "true",
      "Make answers independent, to the last bit, of the rows computed beside them. Always so on the CPU; slower on GPUs."),
  THREADS(
      ENGINE,
      "engine.threads",
      "--threads",
      OptionType.INTEGER,
      null,
      "3",
      "CPU threads over all ranks. Unset: one per core."),
  STEP_TIMEOUT(
      ENGINE,
      "engine.step_timeout",
      "--step-timeout",
      OptionType.INTEGER,
      "600",
      "30",
      "Seconds that one step may take before the engine gives up."),

  CHUNK_ROWS(
      RUN,
      "chunk_rows",
      "--chunk-rows",
      OptionType.INTEGER,
      "2048",
      "100",
      "Distinct requests per chunk, the unit that is committed; 1 to 4096."),
  WORKERS(
      RUN,
      "workers",
      "--workers",
      OptionType.INTEGER,
      null,
      "3",
      "Threads that tokenise and write. Unset: one per core."),
  BEAM(
      RUN,
      "beam",
      "--beam",
      OptionType.TEXTS,
      null,
      "--blockOnRun=true",
      "Option handed to Beam as it is, for example --beam=--tempLocation=/scratch."),
  KEEP_WORK_FILES(
      RUN,
      "keep_work_files",
      "--keep-work-files",
      OptionType.FLAG,
      "false",
      "true",
      "Leave the staged and generated chunks in the output folder after success."),
  RESUME(
      RUN,
      "resume",
      "--resume",
      OptionType.FLAG,
      "true",
      "false",
      "Go on with what an earlier run of the same job left. --no-resume starts afresh."),
  PROGRESS(
      RUN,
      "progress",
      "--progress",
      OptionType.CHOICE,
      "auto",
      "json",
      "auto (a bar on a terminal, else a line every 30 s), bar, log, json or none.",
      "auto",
      "bar",
      "log",
      "json",
      "none");

  private final OptionGroup group;
  private final String key;
  private final List<String> flags;
  private final OptionType type;
  private final String defaultText;
  private final String example;
  private final String description;
  private final List<String> choices;

  JobOption(
      OptionGroup group,
      String key,
      String flags,
      OptionType type,
      String defaultText,
      String example,
      String description,
      String... choices) {
    this.group = group;
    this.key = key;
    this.flags = List.of(flags.split(","));
    this.type = type;
    this.defaultText = defaultText;
    this.example = example;
    this.description = description;
    this.choices = List.of(choices);
  }

  public OptionGroup group() {
    return group;
  }

  /** Its place in a job spec, for example {@code sampling.max_tokens}. */
  public String key() {
    return key;
  }

  /** All its flags: short ones first, then the documented long one, then other systems' names. */
  public List<String> flags() {
    return flags;
  }

  /** The documented long flag. */
  public String flag() {
    return flags.stream().filter(name -> name.startsWith("--")).findFirst().orElseThrow();
  }

  public OptionType type() {
    return type;
  }

  /** Its default as text, or null if it is not set by default. */
  public String defaultText() {
    return defaultText;
  }

  /** A value other than the default, for documentation and tests. */
  public String example() {
    return example;
  }

  /** One or two sentences; a per cent sign is doubled, as picocli wants it. */
  public String description() {
    return description;
  }

  /** The words a {@link OptionType#CHOICE} takes. */
  public List<String> choices() {
    return choices;
  }

  /** The option with this spec key. */
  static Optional<JobOption> ofKey(String key) {
    for (JobOption option : values()) {
      if (option.key.equals(key)) {
        return Optional.of(option);
      }
    }
    return Optional.empty();
  }
}

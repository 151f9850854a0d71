"""What the engine's own process and Flink cost: the same job by three ways, alternately, taken apart.

  direct    direct runner, engine in its JVM
  process   direct runner, engine in a process of its own
  flink     a session cluster of one JobManager and one worker on this machine, engine in a process of its own

Usage: runner_overhead.py HOME [--rows N] [--words N] [--warm-up N] [--order WAY...] [--rounds N] [--jsonl FILE] [--folder DIR] [-- OPTION...]
HOME is an unpacked distribution with the folder flink (bin/run-job, deploy/local-cluster); OPTIONs go to every job. Needs Linux, Python alone.

How long the model takes for the same steps differs between runs, on a shared machine by a third; what a way costs is what is left of the
job's time without that. So each run yields `whole`, from start to end of the client's process, with the engine's start in it; `busy`, the
engine's time in the model; `outside` = whole - busy; and the CPU seconds of every process, by /proc. The cost of a way is its median
`outside` less that of `direct`, as a share of `busy`. What it takes from the model by wanting the same cores is not in there: for that see the
CPU seconds beside the engine's, or `busy` itself where the model runs on a GPU. Every engine is opened anew (`--engine-linger 0`). The first
job on a cluster finds JVMs that have loaded nothing yet: with `--warm-up N` each way first does a job of N rows, marked in the raw lines and left
out of the table. The answers of all runs must be the same, row by row.
"""
import argparse, hashlib, json, os, pathlib, random, shutil, statistics, subprocess, sys, threading, time

WAYS = ("direct", "process", "flink")
ENGINE = "dev.millrace.pipeline.host.EngineHostMain"
TICKS = os.sysconf("SC_CLK_TCK")
PERIOD = 0.1


def write_rows(path, rows, words):
    """Prompts of so many words, no two alike."""
    draw = random.Random(7)
    stock = "lamp river seven north bread quiet paper green stone market winter glass simple ladder orange train".split()
    with open(path, "w") as out:
        for row in range(rows):
            text = " ".join(draw.choice(stock) for _ in range(words - 2))
            out.write(json.dumps({"id": f"row-{row:06d}", "prompt": f"Order {row}: {text}"}) + "\n")


def stat(pid):
    """Parent and CPU seconds of a process without its children; None if there is none."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS
    except (OSError, IndexError):
        return None


def engines_of(parents):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (stat(entry) or (0,))[0] in parents:
            try:
                if ENGINE in pathlib.Path(f"/proc/{entry}/cmdline").read_text():
                    found.append(int(entry))
            except OSError:
                continue  # it has just ended
    return found


class CpuWatch(threading.Thread):
    """Follows the CPU seconds of processes until told to stop; what a process had when last seen counts."""

    def __init__(self, named):
        super().__init__(daemon=True)
        self.named, self.parents, self.ended = dict(named), set(named.values()), threading.Event()
        self.first, self.last = {}, {}

    def run(self):
        while not self.ended.wait(PERIOD):
            if "engine" not in self.named:
                self.named.update(("engine", pid) for pid in engines_of(self.parents))
            self.sample()

    def sample(self):
        for name, pid in self.named.items():
            seen = stat(pid)
            if seen:
                # an engine was started by this job, so all of its time counts; so does all of the client's
                self.first.setdefault(name, 0.0 if name in ("client", "engine") else seen[1])
                self.last[name] = seen[1]

    def seconds(self):
        return {name: round(self.last[name] - self.first[name], 2) for name in self.last}


class Cluster:
    def __init__(self, home, folder, port):
        self.script, self.folder, self.port = f"{home}/deploy/local-cluster", folder, port
        self.environment = dict(os.environ, JAVA_HOME=f"{home}/jre") if os.path.isdir(f"{home}/jre") else os.environ

    def __enter__(self):
        up = subprocess.run([self.script, "up", "--workers", "1", "--port", str(self.port), "--folder", self.folder],
                            env=self.environment, stdout=subprocess.DEVNULL, timeout=180)
        if up.returncode:
            self.__exit__()
            sys.exit(f"no cluster: see {self.folder}/log")
        return self

    def __exit__(self, *_):
        subprocess.run([self.script, "down", "--folder", self.folder], check=True, stdout=subprocess.DEVNULL, timeout=120)

    def processes(self):
        return {role: int(pathlib.Path(self.folder, f"{name}.pid").read_text()) for role, name in (("jobmanager", "jobmanager"), ("worker", "worker-1"))}


def answers(folder):
    """Digest of all rows in the order of their ids, without what only the run knows."""
    digest, lines = hashlib.sha256(), []
    for file in pathlib.Path(folder).glob("*.jsonl"):
        lines += [json.loads(line) for line in open(file)]
    for row in sorted(lines, key=lambda row: row["id"]):
        digest.update(json.dumps([row["id"], row["output"], row["output_error"]]).encode())
    return len(lines), digest.hexdigest()[:16]


def run(way, arguments, cluster, rows, output):
    """One job; what it took."""
    shutil.rmtree(output, ignore_errors=True)
    command = [f"{arguments.home}/bin/run-job", "--input", rows, "--output", output, "--progress", "none"]
    if way != "direct":
        command += ["--engine-linger", "0", *(f"--engine-jvm={option}" for option in os.environ.get("JAVA_OPTS", "").split())]
    if way == "process":
        command += ["--engine-host", "process"]
    if way == "flink":
        command += ["--runner", "flink", "--flink-master", f"127.0.0.1:{cluster.port}", "--parallelism", "1"]
    load, began = os.getloadavg()[0], time.time()
    with open(f"{output}.log", "w") as log:
        client = subprocess.Popen(command + arguments.options, stdout=log, stderr=log)
        watch = CpuWatch({"client": client.pid, **cluster.processes()})
        watch.sample()
        watch.start()
        code = client.wait(timeout=arguments.timeout)
        whole = time.time() - began
    deadline = time.time() + 60
    while (left := engines_of(set(cluster.processes().values()))) and time.time() < deadline:
        time.sleep(PERIOD)  # the next job's engine wants the device
    watch.ended.set()
    watch.join()
    if code or left:
        sys.exit(f"{way}: exit code {code}, engines left {left}; see {output}.log:\n" + open(f"{output}.log").read()[-2000:])
    report = json.load(open(f"{output}/report.json"))
    counters, seconds = report["engine"]["counters"], report["seconds"]
    count, digest = answers(output)
    return {"way": way, "began": time.strftime("%FT%TZ", time.gmtime(began)), "load": round(load, 2), "rows": count, "digest": digest,
            "whole": round(whole, 3), "busy": round(counters["model_seconds"], 3), "outside": round(whole - counters["model_seconds"], 3),
            "idle": round(counters["idle_seconds"], 3), "open": round(report["engine"]["load_seconds"], 3), "steps": counters["steps"],
            "stages": {name: round(value, 3) for name, value in seconds.items()}, "cpu": watch.seconds(),
            "prompt_tokens": counters["prompt_tokens"], "output_tokens": counters["output_tokens"], "backend": report["engine"]["backend"]}


def summary(lines):
    table = [f"{'':8} {'runs':>4} {'whole':>15} {'busy':>15} {'outside':>15} {'idle':>6} {'CPU beside the engine':>22} {'cost':>7}"]
    median = lambda way, key: statistics.median(line[key] for line in lines if line["way"] == way)
    for way in WAYS:
        of = [line for line in lines if line["way"] == way]
        if not of:
            continue
        spread = lambda key: f"{median(way, key):.2f} ± {(max(l[key] for l in of) - min(l[key] for l in of)) / 2:.2f}"
        beside = [sum(value for name, value in line["cpu"].items() if name != "engine") for line in of if way != "direct"]
        cost = (median(way, "outside") - median("direct", "outside")) / statistics.median(line["busy"] for line in lines) if any(line["way"] == "direct" for line in lines) else float("nan")
        table.append(f"{way:8} {len(of):4} {spread('whole'):>15} {spread('busy'):>15} {spread('outside'):>15} {median(way, 'idle'):6.2f} "
                     f"{f'{statistics.median(beside):.1f} s' if beside else '':>22} {cost:7.2%}")
    return "\n".join(table)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("home")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--words", type=int, default=16)
    parser.add_argument("--warm-up", type=int, default=0)
    parser.add_argument("--order", nargs="+", choices=WAYS, default=["direct", "process", "flink", "flink", "process", "direct"])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--jsonl", help="take the raw lines here too, one a run")
    parser.add_argument("--folder", default="runner-overhead", help="for rows, outputs and the cluster; must be on a local disk")
    parser.add_argument("--port", type=int, default=18081)
    parser.add_argument("--timeout", type=float, default=900, help="seconds that a job may take")
    parser.add_argument("--allow-other-answers", action="store_true", help="compare counts alone")
    own, options = (sys.argv[1:], []) if "--" not in sys.argv else (sys.argv[1 : sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :])
    arguments = parser.parse_args(own)
    arguments.home, arguments.options = os.path.abspath(arguments.home), options
    folder = os.path.abspath(arguments.folder)
    os.makedirs(folder, exist_ok=True)
    plan = [(way, False) for way in arguments.order * arguments.rounds]
    if arguments.warm_up:
        plan = [(way, True) for way in WAYS if way in arguments.order] + plan
    write_rows(f"{folder}/rows.jsonl", arguments.rows, arguments.words)
    write_rows(f"{folder}/few.jsonl", arguments.warm_up, arguments.words)
    lines = []
    with Cluster(arguments.home, f"{folder}/cluster", arguments.port) as cluster:
        for way, warm_up in plan:
            line = run(way, arguments, cluster, f"{folder}/{'few' if warm_up else 'rows'}.jsonl", f"{folder}/{way}")
            if warm_up:
                line["warm_up"] = True
            else:
                lines.append(line)
            print(json.dumps(line), flush=True)
            if arguments.jsonl:
                with open(arguments.jsonl, "a") as out:
                    out.write(json.dumps(line) + "\n")
    print(summary(lines))
    kinds = {(line["rows"],) if arguments.allow_other_answers else (line["rows"], line["digest"]) for line in lines}
    if len(kinds) > 1:
        sys.exit(f"expected the same answers of every run, found {kinds}")


if __name__ == "__main__":
    main()

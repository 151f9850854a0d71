"""A job on a GPU that is killed (kill -9), then started with broken machine code, and ends with every row answered once.

    kill.py RUN_JOB PROMPTS.jsonl FOLDER [--backend cuda] [--rows 120000] [--kills 3] [-- OPTIONS OF run-job...]

Runs the job on a few rows, for the time of starting and to have kernels compiled; once undisturbed; then anew, killed so often, each time at a random moment
of an equal part of the work; then, on a GPU, once with two files of the kernel cache exchanged, which must end the job with an error that names a kernel and
leave what was done; then to its end, with rows kept from the killed runs. Rows must be the same ids, each once; answers the same for 99 % (batches differ
after a kill, so near ties may fall the other way)."""
import argparse
import json
import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path

SAME_SHARE_MIN = 0.99
FEW_ROWS = 20


def command(options, output, rows):
    return [options.run_job, "--input", str(options.folder / rows), "--output", str(options.folder / output), "--backend", options.backend,
            "--max-tokens", "48", *options.rest]


def run(options, output, kill_after=None, rows="rows.jsonl"):
    """The exit code and what was said; of a run that was killed, None and nothing."""
    start = time.time()
    log = options.folder / f"{output}.log"
    with open(log, "w") as out:
        process = subprocess.Popen(command(options, output, rows), stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        code = None
        try:
            code = process.wait(kill_after or options.timeout)
        except subprocess.TimeoutExpired:
            pass
        finally:  # also when this script itself is told to end
            if code is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    return code, log.read_text(errors="replace"), time.time() - start


def answers(options, output):
    rows = [json.loads(line) for line in open(options.folder / output / "rows.jsonl")]
    assert len({row["id"] for row in rows}) == len(rows), "a row twice"
    return {row["id"]: row["output"] for row in rows}


def swap_two_kernels(cache):
    """Exchanges two files of machine code that every model needs; returns what puts them back."""
    files = {name: [f for f in cache.glob("kernels/*.cubin") if name in f.read_bytes()] for name in (b"embed_bf16", b"gather_rows")}
    assert all(len(found) == 1 for found in files.values()), files
    one, other = (found[0] for found in files.values())
    contents = one.read_bytes(), other.read_bytes()
    one.write_bytes(contents[1]), other.write_bytes(contents[0])

    def put_back():
        one.write_bytes(contents[0]), other.write_bytes(contents[1])

    return put_back


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_job")
    parser.add_argument("prompts", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backend", default="cuda")
    parser.add_argument("--rows", type=int, default=120000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("--seed", type=int, default=random.randrange(1000))
    parser.add_argument("rest", nargs="*")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: exit("told to end"))
    options.folder.mkdir(parents=True)
    prompts = [json.loads(line)["prompt"] for line in open(options.prompts)]
    for name, count in (("rows.jsonl", options.rows), ("few.jsonl", FEW_ROWS)):
        with open(options.folder / name, "w") as out:
            for i in range(count):  # numbered, so that none is answered as the duplicate of another
                out.write(json.dumps({"id": i, "prompt": f"{prompts[i % len(prompts)]} ({i})"}) + "\n")

    for turn in ("cold", "warm"):  # the first compiles kernels
        code, said, start = run(options, turn, rows="few.jsonl")
        assert code == 0, said[-2000:]
    code, said, seconds = run(options, "undisturbed")
    assert code == 0, said[-2000:]
    expected = answers(options, "undisturbed")
    assert len(expected) == options.rows
    print(f"undisturbed: {len(expected)} rows in {seconds:.1f} s; {FEW_ROWS} rows in {start:.1f} s; seed {options.seed}", flush=True)

    failed = []
    moments = random.Random(options.seed)
    for kill in range(1, options.kills + 1):
        # what is done is kept, so that the last one finds work too
        moment = start + max(0, seconds - start) / (options.kills + 1) * moments.uniform(0.3, 1)
        code, said, _ = run(options, "killed", moment)
        print(f"kill -9 after {moment:.1f} s: {'killed' if code is None else f'had ended with {code}'}", flush=True)
        if code is not None:
            failed.append(f"kill {kill} came too late: take more rows")
    if options.backend == "cuda":
        put_back = swap_two_kernels(Path(os.environ.get("MILLRACE_CACHE", Path.home() / ".cache/millrace")))
        code, said, _ = run(options, "killed")
        put_back()
        line = next((x for x in said.splitlines() if "kernel" in x), said[-500:])
        print(f"broken machine code: exit {code}: {line[:400]}", flush=True)
        if code != 75 or "kernel" not in said:  # 75: run the same command again
            failed.append(f"broken machine code: exit {code}")
    code, said, seconds = run(options, "killed")
    kept = next((line.strip() for line in said.splitlines() if "kept from an earlier run" in line), "")
    print(f"to the end: exit {code} in {seconds:.1f} s; {kept}", flush=True)
    if not re.search(r"[1-9][0-9,]* kept from an earlier run", kept):
        failed.append("nothing was kept from the killed runs: take more rows")
    if code != 0:
        failed.append(f"resumed: exit {code}: {said[-500:]}")
    else:
        found = answers(options, "killed")
        same = sum(found.get(row) == answer for row, answer in expected.items())
        print(f"{len(found)} of {len(expected)} rows, {same} answers the same")
        if found.keys() != expected.keys() or same < SAME_SHARE_MIN * len(expected):
            failed.append(f"{len(found)} rows, {same} the same")
    for line in failed:
        print("FAILED", line)
    print("VERDICT", "FAILED" if failed else "ok", "kill and resume")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()

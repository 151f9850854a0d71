"""Cuts the small evaluation samples in sample-data/evaluation out of the full sets.

    python make_evaluation_samples.py DATA

DATA holds gsm8k/test.jsonl, mmlu/data/mmlu/{dev,test}/*.csv, ifeval/input_data.jsonl,
humaneval/HumanEval.jsonl.gz, wikitext2/test.txt and commonsense/{ARC-Challenge,...}/test.json. Rows are
the first ones of each set, unchanged; JSON arrays become one object a line.
"""
import gzip
import json
import pathlib
import re
import sys

data = pathlib.Path(sys.argv[1])
out = pathlib.Path(__file__).parent.parent / "evaluation"
out.mkdir(exist_ok=True)


def lines(name, rows):
    (out / name).write_text("".join(row.rstrip("\n") + "\n" for row in rows), encoding="utf-8")


def first(path, count, opener=open):
    with opener(path, "rt", encoding="utf-8") as rows:
        return [row for _, row in zip(range(count), rows)]


lines("gsm8k.jsonl", first(data / "gsm8k/test.jsonl", 50))
lines("ifeval.jsonl", first(data / "ifeval/input_data.jsonl", 60))
lines("humaneval.jsonl", first(data / "humaneval/HumanEval.jsonl.gz", 20, gzip.open))
for name, folder in {
    "arc": "ARC-Challenge",
    "boolq": "boolq",
    "openbookqa": "openbookqa",
    "piqa": "piqa",
    "siqa": "social_i_qa",
    "winogrande": "winogrande",
}.items():
    rows = json.loads((data / "commonsense" / folder / "test.json").read_text(encoding="utf-8"))
    lines(f"{name}.jsonl", [json.dumps(row, ensure_ascii=False) for row in rows[:50]])
(out / "mmlu").mkdir(exist_ok=True)
for subject in ["anatomy", "astronomy", "business_ethics", "global_facts", "marketing"]:
    text = (data / f"mmlu/data/mmlu/test/{subject}_test.csv").read_text(encoding="utf-8")
    records = re.findall(r'(?:"(?:[^"]|"")*"|[^"\n])+\n', text)  # quotes may hold line breaks
    (out / f"mmlu/{subject}_test.csv").write_text("".join(records[:21]), encoding="utf-8")
text = (data / "wikitext2/test.txt").read_text(encoding="utf-8")
articles = re.split(r"(?m)^(?= = [^=\n]+ = ?$)", text)
(out / "wikitext.txt").write_text("".join(articles[:4]), encoding="utf-8")

"""Writes the sample inputs from the greedy goldens of the sample model.

    prompts.parquet  200 rows: id, task, prompt (the user's text alone), expected
    prompts.jsonl    the first 20 of these rows, one JSON object a line
    messages.jsonl   the first 20 goldens as whole conversations: id, messages, expected
    batch.jsonl      the first 20 goldens as OpenAI batch lines: custom_id, method, url, body

Usage: make_prompts.py SAMPLE_DATA_DIR      (pyarrow 26)
"""

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

SMALL_ROWS = 20

root = Path(sys.argv[1])
goldens = [json.loads(line) for line in (root / "golden/tiny-qwen2.5.jsonl").open(encoding="utf-8")]


def row_id(golden):
    return f"row-{golden['id']:03d}"


def prompt_row(golden):
    prompt = golden["messages"][-1]["content"]
    return {"id": row_id(golden), "task": golden["task"], "prompt": prompt, "expected": golden["expected"]}


def batch_line(golden):
    body = {"model": "tiny-qwen2.5", "messages": golden["messages"], "max_tokens": 96, "temperature": 0}
    return {"custom_id": row_id(golden), "method": "POST", "url": "/v1/chat/completions", "body": body}


def write_jsonl(name, rows):
    with (root / name).open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


rows = [prompt_row(golden) for golden in goldens]
schema = pa.schema([(name, pa.string()) for name in ("id", "task", "prompt", "expected")])
pq.write_table(pa.Table.from_pylist(rows, schema), root / "prompts.parquet", compression="snappy", row_group_size=64)
write_jsonl("prompts.jsonl", rows[:SMALL_ROWS])
small = goldens[:SMALL_ROWS]
write_jsonl("messages.jsonl", [{"id": row_id(g), "messages": g["messages"], "expected": g["expected"]} for g in small])
write_jsonl("batch.jsonl", [batch_line(g) for g in small])

"""Writes ROWS prompts of exactly TOKENS token ids each, cut from a text without overlap, as JSON lines for run-job and the peers.
Usage: cpu_prompts.py TOKENIZER.json TEXT ROWS TOKENS OUT.jsonl   (tokenizers 0.22.2)"""
import json, sys
from tokenizers import Tokenizer

tokenizer, text, rows, tokens, out = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
ids = Tokenizer.from_file(tokenizer).encode(open(text, encoding="utf-8").read()[: rows * tokens * 8], add_special_tokens=False).ids
assert len(ids) >= rows * tokens, (len(ids), rows * tokens)
with open(out, "w") as f:
    for i in range(rows):
        f.write(json.dumps({"id": i, "prompt_token_ids": ids[i * tokens:(i + 1) * tokens]}) + "\n")

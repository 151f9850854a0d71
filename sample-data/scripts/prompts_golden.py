"""Writes the greedy answers to prompts.parquet, each prompt alone as one user turn, computed by Hugging Face
transformers in float32 on the CPU. One JSON object a line: id, prompt_token_ids, token_ids (with the end token), text.

Usage: prompts_golden.py SAMPLE_DATA_DIR      (torch, transformers 4.57, tokenizers, pyarrow)
"""

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import Qwen2Config, Qwen2ForCausalLM

OUTPUT_TOKENS_MAX = 96

root = Path(sys.argv[1])
source = root / "models/tiny-qwen2.5"
config = json.loads((source / "config.json").read_text())
config["rope_theta"] = config["rope_parameters"]["rope_theta"]
model = Qwen2ForCausalLM(Qwen2Config(**config)).float().eval()
loaded = model.load_state_dict({k: v.float() for k, v in load_file(source / "model.safetensors").items()}, strict=False)
assert not loaded.unexpected_keys, loaded
model.tie_weights()
tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
end = config["eos_token_id"]


@torch.no_grad()
def answer(prompt_ids):
    out, past, x = [], None, torch.tensor([prompt_ids])
    while len(out) < OUTPUT_TOKENS_MAX and end not in out:
        step = model(input_ids=x, past_key_values=past, use_cache=True)
        past = step.past_key_values
        out.append(int(step.logits[0, -1].argmax()))
        x = torch.tensor([[out[-1]]])
    return out


rows = pq.read_table(root / "prompts.parquet").to_pylist()
right = 0
with (root / "golden/prompts.jsonl").open("w", encoding="utf-8") as out:
    for row in rows:
        rendered = f"<|im_start|>user\n{row['prompt']}<|im_end|>\n<|im_start|>assistant\n"
        ids = tokenizer.encode(rendered).ids
        tokens = answer(ids)
        text = tokenizer.decode(tokens)
        right += text == row["expected"]
        line = {"id": row["id"], "prompt_token_ids": ids, "token_ids": tokens, "text": text}
        out.write(json.dumps(line, ensure_ascii=False) + "\n")
print(f"{len(rows)} answers, {right} equal to what was expected")

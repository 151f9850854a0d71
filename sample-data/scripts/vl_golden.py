"""Writes greedy answers of tiny-qwen2-vl to conversations without pictures, computed by Hugging Face transformers in
float32 on the CPU: the text of messages.jsonl, and questions of the kind it was trained on. One JSON object a line, as in
golden/tiny-qwen2.5.jsonl. Answers in which float32 has two tokens within 0.05 of each other are left out.

Usage: vl_golden.py SAMPLE_DATA_DIR      (torch, transformers 4.57, tokenizers, jinja2)
"""

import json
import sys
from pathlib import Path

import torch
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer
from transformers import Qwen2VLForConditionalGeneration

OUTPUT_TOKENS_MAX = 64
MARGIN_MIN = 0.05

root = Path(sys.argv[1])
source = root / "models/tiny-qwen2-vl"
model = Qwen2VLForConditionalGeneration.from_pretrained(source, dtype=torch.float32, attn_implementation="eager").eval()
tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
template = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(
    json.loads((source / "chat_template.json").read_text())["chat_template"])
end = model.config.eos_token_id

conversations = [json.loads(line)["messages"] for line in (root / "messages.jsonl").open(encoding="utf-8")]
colours, things = ["red", "green", "blue", "yellow", "pink"], ["flag", "cat", "car", "food", "face"]
for i in range(30):
    colour, thing = colours[i % 5], things[(i + i // 5) % 5]
    question = f"Repeat: {colour} {thing}" if i % 2 else f"What is {1 + i // 2} + {9 - i % 7}?"
    conversations.append([{"role": "user", "content": question}])


@torch.no_grad()
def answer(prompt_ids):
    out, total, top, margin = [], 0.0, None, 1e9
    while len(out) < OUTPUT_TOKENS_MAX and end not in out:
        # without a cache: called like this, transformers gives tokens behind one the position 0
        step = model(input_ids=torch.tensor([prompt_ids + out]), use_cache=False)
        logprobs = torch.log_softmax(step.logits[0, -1].double(), -1)
        best = logprobs.topk(5)
        if top is None:
            top = [[int(i), round(float(v), 6)] for v, i in zip(best.values, best.indices)]
        margin = min(margin, float(best.values[0] - best.values[1]))
        out.append(int(best.indices[0]))
        total += float(best.values[0])
    return out, total, top, margin


written = 0
with (root / "golden/tiny-qwen2-vl.jsonl").open("w", encoding="utf-8") as out:
    for messages in conversations:
        ids = tokenizer.encode(template.render(messages=messages, add_generation_prompt=True)).ids
        tokens, total, top, margin = answer(ids)
        if margin < MARGIN_MIN:
            continue
        line = {"id": written, "messages": messages, "prompt_token_ids": ids, "token_ids": tokens, "text": tokenizer.decode(tokens),
                "top_logprobs": top, "cum_logprob": round(total, 6)}
        out.write(json.dumps(line, ensure_ascii=False) + "\n")
        written += 1
print(f"{written} of {len(conversations)} answers written")

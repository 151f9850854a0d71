"""Writes the WikiText-2 perplexity golden of a checkpoint, computed by Hugging Face transformers in float32 on the CPU.

The text is encoded in one call, nothing prepended; its first COUNT tokens are cut into windows of WINDOW tokens that do not overlap. Each window
starts from an empty cache; its first token is context only. Perplexity = exp(mean negative log-likelihood over the scored tokens).
Usage: perplexity.py CHECKPOINT_DIR TEXT OUT.json COUNT WINDOW   (transformers 4.57.1, torch 2.9.1)"""
import json, math, sys
from pathlib import Path
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import Qwen2Config, Qwen2ForCausalLM

source, text, out, count, window = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
config = json.loads((source / "config.json").read_text())
config["rope_theta"] = config.get("rope_theta") or config["rope_parameters"]["rope_theta"]
model = Qwen2ForCausalLM(Qwen2Config(**config)).float().eval()
missing = model.load_state_dict({k: v.float() for k, v in load_file(source / "model.safetensors").items()}, strict=False)
assert not missing.unexpected_keys, missing
model.tie_weights()
ids = Tokenizer.from_file(str(source / "tokenizer.json")).encode(text.read_text(encoding="utf-8")).ids[:count]
windows = []
with torch.no_grad():
    for start in range(0, len(ids), window):
        piece = torch.tensor([ids[start:start + window]])
        if piece.shape[1] < 2: continue
        logprobs = torch.log_softmax(model(input_ids=piece).logits[0, :-1].double(), -1)
        windows.append(-float(logprobs.gather(-1, piece[0, 1:, None]).sum()))
scored = len(ids) - len(windows)
mean = sum(windows) / scored
out.write_text(json.dumps({"model": source.name, "text": text.name, "tokens": len(ids), "window": window, "scored": scored, "mean_nll": mean,
                           "perplexity": math.exp(mean), "window_nll": [round(w, 6) for w in windows]}, indent=1) + "\n")
print(source.name, "tokens", len(ids), "windows", len(windows), "perplexity", math.exp(mean))

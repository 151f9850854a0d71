"""Makes sample-data/models/random-* and sample-data/golden/random-*.jsonl.

Tiny checkpoints with random weights, for what the trained samples leave out: Qwen3 (query and key norms, head size
unequal to hidden / heads, untied), Qwen2 (rotary scaling yarn), Llama 3 (rotary scaling llama3, tied) and Llama 2
(rotary scaling linear, biases on all attention projections, untied, odd feed-forward width). Random weights have near ties, so the goldens are
log-probabilities of given tokens, not generated text.

    python sample-data/scripts/make_random_models.py sample-data

Written with torch 2.9.1 and transformers 4.57.1, seed 1234; log-probabilities are those of the stored weights in
float32, softmax in float64.
"""

import json
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config, Qwen3Config

SEED = 1234
LENGTHS = [2, 64, 65, 200]

COMMON = dict(
    vocab_size=307,
    hidden_size=64,
    num_hidden_layers=3,
    max_position_embeddings=512,
    bos_token_id=1,
    eos_token_id=2,
)

MODELS = {
    "random-qwen3": (
        Qwen3Config(
            **COMMON,
            num_attention_heads=8,
            num_key_value_heads=2,
            head_dim=16,
            intermediate_size=160,
            rope_theta=1e6,
            tie_word_embeddings=False,
        ),
        torch.bfloat16,
    ),
    "random-qwen2": (
        Qwen2Config(
            **COMMON,
            num_attention_heads=6,
            num_key_value_heads=2,
            head_dim=16,
            intermediate_size=192,
            rope_theta=1e6,
            rope_scaling={
                "rope_type": "yarn",
                "factor": 4.0,
                "original_max_position_embeddings": 128,
            },
            tie_word_embeddings=True,
        ),
        torch.bfloat16,
    ),
    "random-llama3": (
        LlamaConfig(
            **COMMON,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=192,
            rope_theta=500000.0,
            rope_scaling={
                "rope_type": "llama3",
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
            },
            tie_word_embeddings=True,
        ),
        torch.float16,
    ),
    "random-llama2": (
        LlamaConfig(
            **COMMON,
            num_attention_heads=4,
            num_key_value_heads=4,
            intermediate_size=172,
            rms_norm_eps=1e-5,
            attention_bias=True,
            rope_scaling={"rope_type": "linear", "factor": 2.0},
            tie_word_embeddings=False,
        ),
        torch.float32,
    ),
}


def randomise(model, generator):
    """Weights of a size that keeps every layer's output about 1, norms and biases away from their defaults."""
    for name, parameter in model.named_parameters():
        values = torch.randn(parameter.shape, generator=generator)
        if parameter.dim() == 2:
            fan = 1 if "embed" in name else parameter.shape[1]
            parameter.data = values / fan**0.5
        elif name.endswith("bias"):
            parameter.data = values * 0.3
        else:
            parameter.data = 1 + values * 0.2


@torch.no_grad()
def golden(model, generator):
    for length in LENGTHS:
        ids = torch.randint(3, COMMON["vocab_size"], (1, length), generator=generator)
        logprobs = model(ids).logits[0].double().log_softmax(-1)
        given = logprobs[:-1].gather(1, ids[0, 1:, None])[:, 0]
        yield {"token_ids": ids[0].tolist(), "logprobs": [round(x, 6) for x in given.tolist()]}


def main(root):
    for name, (config, dtype) in MODELS.items():
        generator = torch.Generator().manual_seed(SEED)
        model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
        randomise(model, generator)
        model.tie_weights()
        model = model.to(dtype)
        folder = root / "models" / name
        model.save_pretrained(folder)
        (folder / "model.safetensors").chmod(0o644)
        stored = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager"
        )
        with open(root / "golden" / f"{name}.jsonl", "w") as out:
            for row in golden(stored.eval(), generator):
                out.write(json.dumps(row) + "\n")


main(pathlib.Path(sys.argv[1]))

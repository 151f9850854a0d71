"""Writes sample-data/golden/rotary.jsonl: the inverse frequencies of rotary position embeddings
as transformers computes them, for the configurations below. Made with torch 2.x (CPU) and
transformers 4.57.1:

    python sample-data/scripts/rotary.py > sample-data/golden/rotary.jsonl

Each line: the config.json to read, "inverse_frequencies" as the bits of float32 (so that nothing is
lost in decimal), and "attention_factor".
"""

import json

import torch
from transformers import LlamaConfig, Qwen2Config, Qwen3Config
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

FAMILIES = {"llama": LlamaConfig, "qwen2": Qwen2Config, "qwen3": Qwen3Config}
LLAMA3 = {
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
    "rope_type": "llama3",
}


def config(family, theta, heads, hidden, positions, scaling=None, head_dim=None):
    fields = {
        "model_type": family,
        "architectures": [{"llama": "Llama", "qwen2": "Qwen2", "qwen3": "Qwen3"}[family] + "ForCausalLM"],
        "hidden_size": hidden,
        "intermediate_size": 4 * hidden,
        "num_hidden_layers": 2,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "vocab_size": 1000,
        "max_position_embeddings": positions,
        "rope_theta": theta,
        "rope_scaling": scaling,
        "torch_dtype": "bfloat16",
    }
    if head_dim:
        fields["head_dim"] = head_dim
    return fields


CASES = [
    config("llama", 10000.0, 32, 4096, 4096),
    config("llama", 10000.0, 8, 64, 512, head_dim=8),
    config("llama", 100000, 9, 576, 8192),
    config("qwen2", 1000000.0, 28, 3584, 32768),
    config("qwen2", 1000000.0, 14, 896, 32768),
    config("qwen3", 1000000, 16, 1024, 40960, head_dim=128),
    config("qwen3", 5000000, 32, 2560, 262144, head_dim=128),
    config("llama", 500000.0, 32, 4096, 131072, LLAMA3),
    config("llama", 500000.0, 32, 2048, 131072, dict(LLAMA3, factor=32.0)),
    config("llama", 10000.0, 40, 5120, 4096, {"type": "linear", "factor": 4.0}),
    config("llama", 10000.0, 32, 4096, 4096, {"rope_type": "linear", "factor": 2.5}),
    config(
        "qwen2",
        1000000.0,
        28,
        3584,
        32768,
        {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768},
    ),
    config(
        "qwen3",
        1000000,
        16,
        1024,
        40960,
        {"rope_type": "yarn", "factor": 3.2, "original_max_position_embeddings": 32768},
        head_dim=128,
    ),
    config(
        "llama",
        10000.0,
        32,
        4096,
        65536,
        {
            "rope_type": "yarn",
            "factor": 16.0,
            "original_max_position_embeddings": 4096,
            "beta_fast": 24,
            "beta_slow": 2,
            "attention_factor": 1.25,
        },
    ),
    config(
        "llama",
        10000.0,
        16,
        1024,
        65536,
        {
            "rope_type": "yarn",
            "factor": 40.0,
            "original_max_position_embeddings": 4096,
            "mscale": 0.707,
            "mscale_all_dim": 1.0,
            "truncate": False,
        },
    ),
]


def main():
    for fields in CASES:
        settings = {k: v for k, v in fields.items() if k not in ("model_type", "architectures")}
        settings["rope_scaling"] = dict(fields["rope_scaling"]) if fields["rope_scaling"] else None
        model_config = FAMILIES[fields["model_type"]](**settings)
        rotary = LlamaRotaryEmbedding(model_config)
        bits = rotary.inv_freq.to(torch.float32).view(torch.int32).tolist()
        print(
            json.dumps(
                {
                    "config": fields,
                    "inverse_frequencies": ["%08x" % (b & 0xFFFFFFFF) for b in bits],
                    "attention_factor": rotary.attention_scaling,
                }
            )
        )


if __name__ == "__main__":
    main()

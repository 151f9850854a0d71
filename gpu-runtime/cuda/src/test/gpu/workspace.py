"""Reads the dense tensors of a Millrace workspace, version 1, under the names transformers gives them.

Written from the format's description (WorkspaceWriter, TensorEntry), not from the reader: qkv rows lie kv group by kv group (its queries, its key,
its value), gate and up rows alternate in blocks of 64, `output` and `down` are stored (inputs, outputs), padding is at the end."""
import json
from pathlib import Path

import numpy as np
import torch

BLOCK = 64
TYPES = {"BF16": (np.uint16, torch.bfloat16), "F16": (np.uint16, torch.float16), "F32": (np.uint32, torch.float32)}


class Workspace:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.manifest = json.loads((self.folder / "manifest.json").read_text())
        self.files = [np.memmap(self.folder / f["name"], np.uint8, "r") for f in self.manifest["dataFiles"]]
        self.entries = {t["name"]: t for t in self.manifest["tensors"]}

    def raw(self, name):
        """A tensor as stored, on the CPU."""
        entry = self.entries[name]
        bits, dtype = TYPES[entry["storage"]]
        parts = [self.files[s["file"]][s["offset"]:s["offset"] + s["bytes"]] for s in entry["segments"]]
        data = np.concatenate(parts) if len(parts) > 1 else np.array(parts[0])
        tensor = torch.from_numpy(data.view(np.int16 if bits is np.uint16 else np.int32)).view(dtype)
        if entry["inputs"] == 1:
            return tensor
        across = entry["layout"] == "INPUT_MAJOR"
        rows, columns = (entry["inputs"], entry["outputs"]) if across else (entry["outputs"], entry["inputs"])
        tensor = tensor.view(rows, columns)
        return tensor.t() if across else tensor

    def tensors(self, feed_forward, device):
        """Pairs of a name in transformers and its tensor on a device."""
        shape = self.manifest["shape"]
        vocabulary = shape["vocabularySize"]
        yield "model.embed_tokens.weight", self.raw("embedding")[:vocabulary].to(device)
        yield "model.norm.weight", self.raw("final_norm").to(device)
        if not shape["tiedHead"]:
            yield "lm_head.weight", self.raw("head")[:vocabulary].to(device)
        for i, layer in enumerate(self.manifest["layers"]):
            ours, theirs = f"layers.{i}.", f"model.layers.{i}."
            heads = layer["attention"]
            yield theirs + "input_layernorm.weight", self.raw(ours + "attention_norm").to(device)
            yield theirs + "post_attention_layernorm.weight", self.raw(ours + "feed_forward_norm").to(device)
            for ours_name, suffix in (("qkv", "weight"), ("qkv_bias", "bias")):
                if ours + ours_name in self.entries:
                    for part, tensor in zip("qkv", split_heads(self.raw(ours + ours_name).to(device), heads)):
                        yield f"{theirs}self_attn.{part}_proj.{suffix}", tensor
            for ours_name, part in (("query_norm", "q_norm"), ("key_norm", "k_norm")):
                if ours + ours_name in self.entries:
                    yield f"{theirs}self_attn.{part}.weight", self.raw(ours + ours_name).to(device)
            yield theirs + "self_attn.o_proj.weight", self.raw(ours + "output").to(device)
            gate_up = self.raw(ours + "gate_up").to(device)
            gate_up = gate_up.view(-1, 2, BLOCK, gate_up.shape[1])
            for half, part in enumerate(("gate_proj", "up_proj")):
                yield f"{theirs}mlp.{part}.weight", gate_up[:, half].reshape(-1, gate_up.shape[3])[:feed_forward]
            yield theirs + "mlp.down_proj.weight", self.raw(ours + "down").to(device)[:, :feed_forward]


def split_heads(qkv, heads):
    groups, size = heads["kvHeads"], heads["headSize"]
    queries = heads["queryHeads"] // groups
    parts = qkv.view(groups, queries + 2, size, -1)
    shape = (-1,) if qkv.dim() == 1 else (-1, qkv.shape[1])
    return (parts[:, :queries].reshape(*shape), parts[:, queries].reshape(*shape), parts[:, queries + 1].reshape(*shape))

"""Copies a checkpoint and adds noise to the weights of one layer, to see a gate fail.

    python damage_model.py models/tiny-qwen2.5 damaged [LAYER] [SHARE]

Adds Gaussian noise of SHARE (default 0.5) times the root mean square of each matrix to the matrices of
LAYER (default 1) in a bfloat16 model.safetensors. Standard library alone; seed 1.
"""
import json
import pathlib
import random
import shutil
import struct
import sys

source, target = map(pathlib.Path, sys.argv[1:3])
layer = sys.argv[3] if len(sys.argv) > 3 else "1"
share = float(sys.argv[4]) if len(sys.argv) > 4 else 0.5
shutil.copytree(source, target)
file = target / "model.safetensors"
data = bytearray(file.read_bytes())
length = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8 : 8 + length])
draw = random.Random(1)
for name, tensor in header.items():
    if f".layers.{layer}." not in name or len(tensor["shape"]) != 2:
        continue
    assert tensor["dtype"] == "BF16", tensor["dtype"]
    begin, end = (8 + length + offset for offset in tensor["data_offsets"])
    count = (end - begin) // 2
    halves = struct.unpack(f"<{count}H", data[begin:end])
    values = struct.unpack(f"<{count}f", struct.pack(f"<{count}I", *(half << 16 for half in halves)))
    scale = share * (sum(v * v for v in values) / count) ** 0.5
    noisy = struct.pack(f"<{count}f", *(v + draw.gauss(0, scale) for v in values))
    data[begin:end] = struct.pack(
        f"<{count}H", *(bits >> 16 for bits in struct.unpack(f"<{count}I", noisy))
    )
    print(f"{name}: noise of {scale:.4g}")
file.write_bytes(data)

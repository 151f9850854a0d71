"""Decode attention over pages in bf16, int8 and fp8 on a GPU: microseconds and bytes a second.

  python3 bench_attention.py --cubins FOLDER
Cubins: decode_attention.128.ARCH.cubin, decode_attention8.128.ARCH.cubin, and the same of
prefill_attention, append8 and heads, as kernels.py names them. Pages hold random numbers; that what comes out is
right is for the backend's contract test. First what one sequence gives, against float64: exits 1 if it is off.
"""
import argparse, math, sys
import torch

parser = argparse.ArgumentParser()
parser.add_argument("--cubins", required=True)
options = parser.parse_args()
sys.argv = [sys.argv[0], "--cubins", options.cubins, "--only", "none"]
import check_kernels as check
from kernels import f32, structure, u64

K, DEV, D = check.K, "cuda", 128
SMS = torch.cuda.get_device_properties(0).multi_processor_count
HEAD_BYTES = {"": 2 * 64 * D * 2, "_int8": 2 * 64 * (D + 4), "_fp8": 2 * 64 * (D + 4)}
# suffix: stages, blocks a multiprocessor
DECODE = {"": (3, 2), "_int8": (3, 4), "_fp8": (3, 4)}


def pages(suffix, count, kv):
    if not suffix:
        return torch.randn(count, kv, HEAD_BYTES[""] // 2, device=DEV, dtype=torch.bfloat16).view(torch.uint8)
    data = torch.randint(0, 256, (count, kv, HEAD_BYTES[suffix]), device=DEV, dtype=torch.uint8)
    if suffix == "_fp8":
        data[:, :, :2 * 64 * D] &= 0xbf  # magnitudes below 2
    scales = torch.rand(count, kv, 128, device=DEV) * (0.02 if suffix == "_int8" else 1.0)
    data[:, :, 2 * 64 * D:] = scales.view(torch.uint8)
    return data


def plain(data, suffix):
    """(pages, kv, bytes) to keys and values (pages, kv, 2, 64, D) in float64."""
    numbers = data[:, :, :len(data[0, 0]) if not suffix else 2 * 64 * D].contiguous()
    wide = numbers.view(torch.bfloat16) if not suffix else numbers.view(torch.int8 if suffix == "_int8" else torch.float8_e4m3fn)
    wide = wide.double().view(*data.shape[:2], 2, 64, D)
    size = 8 if not suffix else 16
    chunks = wide.unflatten(-1, (D // size, size))
    token = torch.arange(64, device=DEV)[:, None]
    index = torch.arange(D // size, device=DEV)[None, :] ^ (token & 7)
    wide = torch.gather(chunks, -2, index[..., None].expand(*chunks.shape)).flatten(-2)
    if suffix:
        wide = wide * data[:, :, 2 * 64 * D:].contiguous().view(torch.float32).double().view(*data.shape[:2], 2, 64, 1)
    return wide


def decode(suffix, batch, context, kv, group):
    count = (context + 63) // 64 * batch
    data = pages(suffix, count, kv)
    order = torch.randperm(count).tolist()
    per = count // batch
    tables = [order[i * per:(i + 1) * per] for i in range(batch)]
    items, chunks, numbers, slots = check.decode_lists([context] * batch, tables)
    qkv = torch.randn(batch, kv, group + 2, D, device=DEV, dtype=torch.bfloat16)
    partial = torch.empty(slots, kv, 8, D + 4, device=DEV)
    y = torch.empty(batch, kv, group, D, device=DEV, dtype=torch.bfloat16)
    header = torch.tensor([items.shape[0]], dtype=torch.int32, device=DEV)
    work = structure("D", qkv=qkv, header=header, items=items, pages=numbers, base=data, stride=u64(kv * HEAD_BYTES[suffix]),
                     partial=partial, y=y, kv=kv, group=group, tiles=1, scale=f32(D ** -0.5 * math.log2(math.e)))
    merge = structure("M", chunks=chunks, partial=partial, y=y, kv=kv, group=group, tiles=1)
    stages, resident = DECODE[suffix]

    def run():
        K.launch("decode_attention8" if suffix else "decode_attention", "decode_attention" + suffix, (SMS * resident, 1, 1), 128,
                 stages * HEAD_BYTES[suffix] + 64, [work], D)
        K.launch("decode_attention", "merge_attention", (batch, kv, 1), D, 0, [merge], D)

    run()
    torch.cuda.synchronize()
    row = batch // 2
    stored = plain(data[tables[row]], suffix).permute(2, 0, 3, 1, 4).reshape(2, per * 64, kv, D)[:, :context]
    want = check.attention(qkv[row:row + 1, :, :group], stored[0], stored[1], torch.tensor([context - 1], device=DEV))
    return check.error(y[row:row + 1], want), check.timed(run, 10), context * batch * kv * HEAD_BYTES[suffix] / 64


def prefill(suffix, tokens, kv, group):
    count = (tokens + 63) // 64
    data = pages(suffix, count, kv)
    tiles = [(0, 0, 0, start, tokens * group, 0, 0, 0) for start in range(0, tokens * group, 128)][::-1]
    tiles = torch.tensor(tiles, dtype=torch.int32, device=DEV)
    numbers = torch.arange(count, dtype=torch.int32, device=DEV)
    qkv = torch.randn(tokens, kv, group + 2, D, device=DEV, dtype=torch.bfloat16)
    y = torch.empty(tokens, kv, group, D, device=DEV, dtype=torch.bfloat16)
    work = structure("P", qkv=qkv, tiles=tiles, pages=numbers, base=data, stride=u64(kv * HEAD_BYTES[suffix]), y=y, kv=kv, group=group,
                     scale=f32(D ** -0.5 * math.log2(math.e)))
    run = lambda: K.launch("prefill_attention8" if suffix else "prefill_attention", "prefill_attention" + suffix, (len(tiles), kv, 1), 256,
                           2 * HEAD_BYTES[suffix] + (HEAD_BYTES[""] if suffix else 0), [work], D)
    return check.timed(run, 5), 2 * D * kv * group * tokens * tokens


def append(kind, rows, kv, group):
    qkv = torch.randn(rows, kv, group + 2, D, device=DEV, dtype=torch.bfloat16)
    data = pages("_int8", (rows + 63) // 64, kv)
    slots = torch.arange(rows, dtype=torch.int32, device=DEV)
    work = structure("A", qkv=qkv, slots=slots, base=data, stride=u64(kv * HEAD_BYTES["_int8"]), rows=rows, kv=kv, group=group)
    return check.timed(lambda: K.launch("append8", "append_" + kind, ((rows * kv * 64 + 255) // 256, 1, 1), 256, 0, [work], D), 10)


bad = 0
for batch, context, kv, group in ((1, 70, 2, 8), (3, 1000, 4, 7), (256, 1500, 8, 8), (256, 1500, 4, 7), (64, 1500, 8, 8), (256, 400, 4, 7), (32, 4000, 8, 8)):
    line = f"decode {batch:3d} x {context:4d}, heads {kv * group}/{kv}:"
    for suffix in DECODE:
        error, micros, moved = decode(suffix, batch, context, kv, group)
        bad += not error <= 4e-3
        line += f"  {suffix[1:] or 'bf16'} {micros:6.1f} us {moved / micros / 1e6:5.2f} TB/s, error {error:.1e};"
    print(line, flush=True)
for tokens, kv, group in ((2048, 8, 8), (8192, 4, 7)):
    line = f"prefill {tokens}, heads {kv * group}/{kv}:"
    for suffix in DECODE:
        micros, flops = prefill(suffix, tokens, kv, group)
        line += f"  {suffix[1:] or 'bf16'} {micros:6.0f} us {flops / micros / 1e6:4.0f} TFLOP/s;"
    print(line, flush=True)
for rows, kv, group in ((256, 8, 8), (8192, 8, 8)):
    print(f"append {rows} rows, {kv} kv heads: int8 {append('int8', rows, kv, group):.1f} us, fp8 {append('fp8', rows, kv, group):.1f} us", flush=True)
print(f"{bad} cases out of tolerance")
sys.exit(bad > 0)

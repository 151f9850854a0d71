"""Attention over pages in bf16, int8 and fp8 on a GPU: microseconds a layer and bytes a second.

  python3 bench_attention.py --cubins FOLDER
Cubins: decode_attention.128.ARCH.cubin, decode_attention8.128.ARCH.cubin, and the same of
prefill_attention, append8 and heads, as kernels.py names them. Pages hold random numbers; that what comes out is
right is for the backend's contract test. What some sequences give is held against float64: exits 1 if it is off.
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


POOL_BYTES = {"": 24 << 30, "_int8": 13 << 30, "_fp8": 13 << 30}


class Pools:
    """Pages as a run's cache lays them out: page, layer, kv head; one stretch of memory for all cases of a type."""

    def __init__(self, suffix):
        heads = POOL_BYTES[suffix] // HEAD_BYTES[suffix]
        self.data = torch.empty(heads * HEAD_BYTES[suffix], device=DEV, dtype=torch.uint8)
        for part in self.data.split(HEAD_BYTES[suffix] << 14):
            part.copy_(pages(suffix, part.numel() // HEAD_BYTES[suffix], 1).view(-1))

    def layer(self, suffix, count, layers, kv, layer):
        return self.data[:count * layers * kv * HEAD_BYTES[suffix]].view(count, layers, kv, -1)[:, layer]


def decode(pool, suffix, contexts, kv, group):
    """Microseconds a layer in a graph of many, each with its own part of the cache: more than the L2 keeps."""
    used = [(c + 63) // 64 for c in contexts]
    count, head_bytes = sum(used), HEAD_BYTES[suffix]
    layers = min(28, pool.data.numel() // (count * kv * head_bytes))
    order, tables = torch.randperm(count).tolist(), []
    for n in used:
        tables.append([order.pop() for _ in range(n)])
    groups, stages, shared = check.decode_ring(head_bytes)
    items, numbers, slots = check.decode_lists(contexts, tables, check.decode_chunk(contexts, kv, SMS * groups))
    batch = len(contexts)
    qkv = torch.randn(batch, kv, group + 2, D, device=DEV, dtype=torch.bfloat16)
    partial = torch.zeros(slots, kv, 8, D + 4, device=DEV)
    y = torch.full((batch, kv, group, D), float("nan"), device=DEV, dtype=torch.bfloat16)
    header = torch.tensor([items.shape[0]], dtype=torch.int32, device=DEV)
    works = [structure("D", qkv=qkv, header=header, items=items, pages=numbers, base=u64(pool.data.data_ptr() + layer * kv * head_bytes),
                       stride=u64(layers * kv * head_bytes), partial=partial, y=y, kv=kv, group=group, tiles=1,
                       scale=f32(D ** -0.5 * math.log2(math.e)), stages=stages, items_max=items.shape[0]) for layer in range(layers)]

    def run():
        for work in works:
            K.launch("decode_attention8" if suffix else "decode_attention", "decode_attention" + suffix,
                     (SMS, 1, 1), groups * (D + 32), shared, [work], D)

    run()
    torch.cuda.synchronize()
    error = 0.0
    for row in {0, batch // 2, max(range(batch), key=contexts.__getitem__)}:
        stored = plain(pool.layer(suffix, count, layers, kv, layers - 1)[tables[row]], suffix)
        stored = stored.permute(2, 0, 3, 1, 4).reshape(2, -1, kv, D)[:, :contexts[row]]
        want = check.attention(qkv[row:row + 1, :, :group], stored[0], stored[1], torch.tensor([contexts[row] - 1], device=DEV))
        error = max(error, check.error(y[row:row + 1], want))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return error, check.timed(graph.replay, 2) / layers, sum(contexts) * kv * head_bytes / 64


def begun(pool, suffix, groups, each, shared, own, kv, group, cut):
    """Of sequences that share their first pages: error, and microseconds a layer of prefix attention, of decode attention behind it, of
    both, and of decode attention alone."""
    rows, head_bytes = groups * each, HEAD_BYTES[suffix]
    used = [(o + 63) // 64 for o in own]
    count = groups * shared + sum(used)
    layers = min(28, pool.data.numel() // (count * kv * head_bytes))
    order = torch.randperm(count).tolist()
    first = [[order.pop() for _ in range(shared)] for _ in range(groups)]
    tables = [first[row % groups] + [order.pop() for _ in range(used[row])] for row in range(rows)]
    contexts = [shared * 64 + o for o in own]
    warps, stages, bytes = check.decode_ring(head_bytes)
    qkv = torch.randn(rows, kv, group + 2, D, device=DEV, dtype=torch.bfloat16)
    y = torch.full((rows, kv, group, D), float("nan"), device=DEV, dtype=torch.bfloat16)
    tiles, members, state = check.prefix_lists([(list(range(g, rows, groups)), shared) for g in range(groups)], tables, group, cut)
    scale = f32(D ** -0.5 * math.log2(math.e))

    def kernels(state, chunk):
        items, numbers, slots = check.decode_lists(contexts, tables, chunk, state)
        partial = torch.zeros(slots, kv, 8, D + 4, device=DEV)
        header = torch.tensor([items.shape[0], tiles.shape[0]], dtype=torch.int32, device=DEV)
        bases = [u64(pool.data.data_ptr() + layer * kv * head_bytes) for layer in range(layers)]
        keep = (items, numbers, partial, header)
        stride = u64(layers * kv * head_bytes)
        prefixes = [structure("X", qkv=qkv, header=header, tiles=tiles, members=members, pages=numbers, base=base, stride=stride, partial=partial,
                              kv=kv, group=group, head_tiles=1, scale=scale) for base in bases]
        works = [structure("D", qkv=qkv, header=header, items=items, pages=numbers, base=base, stride=stride, partial=partial, y=y, kv=kv,
                           group=group, tiles=1, scale=scale, stages=stages, items_max=items.shape[0]) for base in bases]
        return keep, prefixes, works

    def time(prefixes, works):
        def run():
            for layer in range(layers):
                if prefixes:
                    K.launch("prefill_attention8" if suffix else "prefill_attention", "prefix_attention" + suffix, (SMS, 1, 1), 256,
                             2 * head_bytes + (HEAD_BYTES[""] if suffix else 0), [prefixes[layer]], D)
                if works:
                    K.launch("decode_attention8" if suffix else "decode_attention", "decode_attention" + suffix,
                             (SMS, 1, 1), warps * (D + 32), bytes, [works[layer]], D)
        run()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            run()
        return check.timed(graph.replay, 2) / layers

    plain_keep, _, plain_works = kernels({}, check.decode_chunk(contexts, kv, SMS * warps))
    keep, prefixes, works = kernels(state, check.decode_chunk(own, kv, SMS * warps))
    both = time(prefixes, works)
    error = 0.0
    for row in (0, rows // 2, rows - 1):
        stored = plain(pool.layer(suffix, count, layers, kv, layers - 1)[tables[row]], suffix)
        stored = stored.permute(2, 0, 3, 1, 4).reshape(2, -1, kv, D)[:, :contexts[row]]
        want = check.attention(qkv[row:row + 1, :, :group], stored[0], stored[1], torch.tensor([contexts[row] - 1], device=DEV))
        error = max(error, check.error(y[row:row + 1], want))
    return error, time(prefixes, []), time([], works), both, time([], plain_works)


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
x = torch.empty(1 << 31, device=DEV, dtype=torch.uint8)
copied = torch.empty_like(x)
copy = 2 * x.numel() / check.timed(lambda: copied.copy_(x), 4) / 1e6
del x, copied
print(f"{torch.cuda.get_device_name()}, device copy {copy:.2f} TB/s", flush=True)
mixed = [50 + int(850 * (i * 0.6180339887 % 1) ** 2) for i in range(1024)]  # mean 333
cases = (([150] * 32, 4, 7), ([600] * 32, 4, 7), ([300] * 256, 4, 7), ([300] * 512, 4, 7), ([300] * 1024, 4, 7), (mixed, 4, 7), ([1500] * 256, 4, 7),
         ([4096] * 64, 4, 7), ([4096], 4, 7), ([1500] * 256, 8, 8), ([300] * 128, 1, 7), ([70], 2, 8))
for suffix in HEAD_BYTES:
    pool = Pools(suffix)
    for contexts, kv, group in cases:
        error, micros, moved = decode(pool, suffix, contexts, kv, group)
        bad += not error <= 4e-3
        lengths = f"{contexts[0]}" if min(contexts) == max(contexts) else f"{min(contexts)} to {max(contexts)}"
        print(f"decode {suffix[1:] or 'bf16'} {len(contexts):4d} x {lengths}, heads {kv * group}/{kv}: {micros:.1f} us, {moved / micros / 1e6:.2f} TB/s, "
              f"{moved / micros / 1e4 / copy:.0f} % of copy, error {error:.1e}", flush=True)
    for groups, each, shared, cut in ((16, 56, 23, 23), (16, 56, 23, 12), (16, 56, 23, 8), (16, 56, 23, [23] * 11 + [12] * 5), (7, 128, 23, 23), (7, 128, 23, 12),
                                      (1, 256, 32, 32), (1, 256, 32, 8), (64, 4, 20, 20)):
        own = [60 + (row * 37 + row // groups) % 65 for row in range(groups * each)]
        error, alone, behind, both, before = begun(pool, suffix, groups, each, shared, own, 4, 7, cut)
        bad += not error <= 4e-3
        print(f"begun {suffix[1:] or 'bf16'} {groups} x {each} x ({shared} pages in {cut if isinstance(cut, int) else sorted(set(cut))} + 92), heads 28/4: prefix {alone:.1f} us, decode {behind:.1f} us, "
              f"both {both:.1f} us, plain {before:.1f} us, error {error:.1e}", flush=True)
    del pool
for tokens, kv, group in ((2048, 8, 8), (8192, 4, 7)):
    line = f"prefill {tokens}, heads {kv * group}/{kv}:"
    for suffix in HEAD_BYTES:
        micros, flops = prefill(suffix, tokens, kv, group)
        line += f"  {suffix[1:] or 'bf16'} {micros:6.0f} us {flops / micros / 1e6:4.0f} TFLOP/s;"
    print(line, flush=True)
for rows, kv, group in ((256, 8, 8), (8192, 8, 8)):
    print(f"append {rows} rows, {kv} kv heads: int8 {append('int8', rows, kv, group):.1f} us, fp8 {append('fp8', rows, kv, group):.1f} us", flush=True)
print(f"{bad} cases out of tolerance")
sys.exit(bad > 0)

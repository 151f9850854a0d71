"""Every kernel against PyTorch in float32 or float64; on a GPU also its time.

  python3 check_kernels.py --emulate            no GPU: the emulator, small sizes
  python3 check_kernels.py --cubins FOLDER      a GPU
Prints one line a case; exits 1 if any is out of tolerance. ||ours - reference|| / ||reference||.
"""
import argparse, contextlib, ctypes, math, sys
from concurrent.futures import ThreadPoolExecutor
import torch
from kernels import Emulated, Gpu, p, i32, u64, f32, structure

parser = argparse.ArgumentParser()
parser.add_argument("--emulate", action="store_true")
parser.add_argument("--no-bulk", action="store_true", help="emulate the copies of sm_80")
parser.add_argument("--sanitize", action="store_true")
parser.add_argument("--cubins")
parser.add_argument("--only", default="")
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
K = Emulated(0 if options.no_bulk else 1, options.sanitize) if options.emulate else Gpu(options.cubins)
DEV = K.device
BIG = not options.emulate
torch.manual_seed(options.seed)
failures = []
bf16, f32t = torch.bfloat16, torch.float32


def rand(*shape, scale=1.0, dtype=bf16):
    return (torch.randn(*shape, device=DEV) * scale).to(dtype)


def error(ours, reference):
    reference = reference.double()
    return ((ours.double() - reference).norm() / reference.norm().clamp_min(1e-30)).item()


def report(case, value, limit, extra=""):
    ok = value <= limit
    print(f"{'ok  ' if ok else 'FAIL'} {case:64s} {value:9.2e} <= {limit:.0e} {extra}", flush=True)
    if not ok:
        failures.append(case)


def timed(run, count=20):
    if not BIG:
        return 0.0
    for _ in range(3):
        run()
    torch.cuda.synchronize()
    times = []
    for _ in range(5):
        a, b = torch.cuda.Event(True), torch.cuda.Event(True)
        a.record()
        for _ in range(count):
            run()
        b.record()
        torch.cuda.synchronize()
        times.append(a.elapsed_time(b) / count * 1e3)
    return sorted(times)[2]


def nan(*shape, dtype=bf16):
    return torch.full(shape, float("nan"), device=DEV, dtype=dtype)


def check_embed():
    for width, rows in ((64, 3), (3584, 5)):
        table = rand(100, width)
        ids = torch.randint(0, 100, (rows,), device=DEV, dtype=torch.int32)
        drawn = torch.tensor([7, 11], device=DEV, dtype=torch.int32)
        ids[1] = -2
        want = ids.clone().long()
        want[1] = 11
        for kind, dtype in (("f32", f32t), ("bf16", bf16)):
            y = nan(rows, width, dtype=dtype)
            K.launch("embed", "embed_" + kind, (rows, 1, 1), 128, 0, [p(ids), p(drawn), p(table), p(y), i32(width)])
            K.synchronize()
            report(f"embed {kind} {rows}x{width}", error(y, table[want]), 0)


def check_norm():
    for rows, width in ((1, 64), (3, 512), (2, 896), (4, 3584), (2, 8192), (2, 9216)) + (((512, 3584), (8192, 3584)) if BIG else ()):
        for kind, dtype in (("f32", f32t), ("bf16", bf16)):
            x, delta = rand(rows, width, scale=3, dtype=dtype), rand(rows, width)
            weight = rand(width, dtype=f32t)
            def norm(v):
                v = v.double()
                return v * torch.rsqrt((v * v).mean(-1, keepdim=True) + 1e-6) * weight.double()
            y = nan(rows, width)
            K.launch("norm", "rms_norm_" + kind, (rows, 1, 1), 256, 0, [p(x), p(weight), f32(1e-6), p(y), i32(width), i32(width)])
            K.synchronize()
            report(f"rms_norm {kind} {rows}x{width}", error(y, norm(x)), 3e-3)
            want = x.double() + delta.double()
            run = lambda: K.launch("norm", "add_rms_norm_" + kind, (rows, 1, 1), 256, 0,
                                   [p(delta), p(x), p(weight), f32(1e-6), p(y), i32(width), i32(width)])
            run()
            K.synchronize()
            report(f"add_rms_norm {kind} {rows}x{width} residual", error(x, want), 3e-3 if kind == "bf16" else 1e-7)
            t = timed(run) if rows >= 512 else 0
            extra = f"{t:.1f} us {rows * width * (12 if kind == 'f32' else 8) / t / 1e6:.2f} TB/s" if t else ""
            y2 = y.clone()
            K.launch("norm", "rms_norm_" + kind, (rows, 1, 1), 256, 0, [p(x), p(weight), f32(1e-6), p(y2), i32(width), i32(width)])
            K.synchronize()
            report(f"add_rms_norm {kind} {rows}x{width}", error(y2, norm(x)), 3e-3, extra)
            for name in ("add",):
                x2, want = x.clone(), x.double() + delta.double()
                n = rows * width
                K.launch("norm", "add_" + kind, ((n // 8 + 255) // 256, 1, 1), 256, 0, [p(x2), p(delta), u64(n)])
                K.synchronize()
                report(f"add {kind} {rows}x{width}", error(x2, want), 3e-3 if kind == "bf16" else 1e-7)
        if rows < 10:
            # a width that is padded
            pitch, some = width, width - 3
            x = torch.nn.functional.pad(rand(rows, some, dtype=f32t), (0, 3))
            y, weight3 = nan(rows, pitch), torch.nn.functional.pad(weight[:some], (0, 3))
            K.launch("norm", "rms_norm_f32", (rows, 1, 1), 256, 0, [p(x), p(weight3), f32(1e-6), p(y), i32(some), i32(pitch)])
            K.synchronize()
            v = x[:, :some].double()
            want = torch.nn.functional.pad(v * torch.rsqrt((v * v).mean(-1, keepdim=True) + 1e-6) * weight3[:some].double(), (0, 3))
            report(f"rms_norm padded {rows}x{some}", error(y, want), 3e-3)
        bias, b = rand(width, dtype=f32t), rand(rows, width)
        want = b.double() + bias.double()
        K.launch("norm", "add_bias_bf16", (rows, 1, 1), 128, 0, [p(b), p(bias), i32(width)])
        K.synchronize()
        report(f"add_bias {rows}x{width}", error(b, want), 3e-3)


def left_sums(x, columns, shares, tokens, bias=None):
    """A product x (rows, outputs) left in parts, as w4_8 to w4_32 leave it: (ProductSums, what keeps its memory)."""
    rows, outputs = x.shape
    blocks = (outputs + 255) // 256
    units = blocks * columns
    parts = nan(shares + blocks, tokens, 256, dtype=f32t)
    for block in range(blocks):
        first = ((block * columns + 1) * shares - 1) // units
        last = ((block * columns + columns) * shares - 1) // units
        wide = min(256, outputs - block * 256)
        rest = x[:, block * 256:block * 256 + wide].float()
        for share in range(first, last + 1):
            part = rest if share == last else rand(rows, wide, dtype=f32t)
            parts[share + block, :rows, :wide] = part
            rest = rest - part
    return structure("ProductSums", parts=parts, bias=bias, columns=columns, units=units, shares=shares, tokens=tokens), parts


def check_sums():
    for rows, width, columns, shares, tokens in ((1, 256, 2, 3, 8), (3, 512, 5, 7, 8), (9, 3584, 28, 132, 16), (32, 8192, 3, 40, 32)):
        gate_up = rand(rows, width // 64, 2, 64, scale=2)
        sums, keep = left_sums(gate_up.view(rows, -1), columns, shares, tokens)
        y = nan(rows, width)
        K.launch("activation", "gated_activation_sums", ((rows * width // 8 + 127) // 128, 1, 1), 128, 0, [sums, p(y), i32(width), i32(rows)])
        K.synchronize()
        gate, up = gate_up[:, :, 0].double().reshape(rows, width), gate_up[:, :, 1].double().reshape(rows, width)
        report(f"gated_activation_sums {rows}x{width}", error(y, torch.nn.functional.silu(gate) * up), 3e-3)

        x, delta, weight = rand(rows, width, scale=3, dtype=f32t), rand(rows, width), rand(width, dtype=f32t)
        want, y = x.double() + delta.double(), nan(rows, width)
        sums, keep = left_sums(delta, columns, shares, tokens)
        K.launch("norm", "add_rms_norm_sums", (4 * rows, 1, 1), 256, 128, [sums, p(x), p(weight), f32(1e-6), p(y), i32(width), i32(width)])
        K.synchronize()
        report(f"add_rms_norm_sums {rows}x{width} residual", error(x, want), 1e-6)
        report(f"add_rms_norm_sums {rows}x{width}", error(y, want * torch.rsqrt((want * want).mean(-1, keepdim=True) + 1e-6) * weight.double()), 3e-3)

        bias = rand(width)
        sums, keep = left_sums(delta, columns, shares, tokens, bias)
        for dtype in (bf16, f32t):
            y = nan(rows + 1, width, dtype=dtype)
            K.launch("w4", "w4_sum", (3, 1, 1), 256, 0, [sums, p(y), i32(width), i32(width), i32(rows), i32(dtype == f32t)])
            K.synchronize()
            report(f"w4_sum {rows}x{width} {dtype}", error(y[:rows], delta.double() + bias.double()), 3e-3 if dtype == bf16 else 1e-6)


def check_activation():
    for rows, width in ((1, 64), (3, 192), (2, 4864)) + (((512, 18944), (8192, 18944)) if BIG else ()):
        x = rand(rows, width // 64, 2, 64, scale=2)
        y = nan(rows, width)
        run = lambda: K.launch("activation", "gated_activation", ((width // 8 + 127) // 128, rows, 1), 128, 0,
                               [p(x), p(y), i32(width)])
        run()
        K.synchronize()
        gate, up = x[:, :, 0].double().reshape(rows, width), x[:, :, 1].double().reshape(rows, width)
        t = timed(run) if rows >= 512 else 0
        report(f"gated_activation {rows}x{width}", error(y, torch.nn.functional.silu(gate) * up), 3e-3,
               f"{t:.1f} us {rows * width * 6 / t / 1e6:.2f} TB/s" if t else "")


def check_gather():
    x = rand(9, 72)
    rows = torch.tensor([8, 0, 3, 3], device=DEV, dtype=torch.int32)
    y = nan(4, 72)
    K.launch("gather", "gather_rows", (4, 1, 1), 128, 0, [p(x), p(rows), p(y), i32(144)])
    K.synchronize()
    report("gather_rows", error(y, x[rows.long()]), 0)


def pack_tiles(q, zero, scale, slabs):
    """q (N, K) ints, zero and scale (N, K/128) to int4 tiles, by the definition of the format."""
    n, k = q.shape
    tiles = torch.zeros(slabs, n // 64, k // 128 // slabs, 4352, dtype=torch.uint8)
    per = k // 128 // slabs
    for column in range(k // 128):
        for row in range(n // 64):
            tile = tiles[column // per, row, column % per]
            words = torch.zeros(2, 128, 4, dtype=torch.int64)
            for t in range(128):
                w, g, c = t // 32, t % 32 // 4, t % 4
                for s in range(8):
                    r, kk = row * 64 + 16 * w + g, column * 128 + 16 * s + 2 * c
                    word = 0
                    for j, (dr, dk) in enumerate(((0, 0), (8, 0), (0, 8), (8, 8), (0, 1), (8, 1), (0, 9), (8, 9))):
                        word |= int(q[r + dr, kk + dk]) << (4 * j)
                    words[s // 4, t, s % 4] = word
            tile[:4096] = torch.stack([(words >> (8 * b)) & 255 for b in range(4)], -1).reshape(-1).to(torch.uint8)
            high = (128 + zero[row * 64:row * 64 + 64, column].float()).to(bf16).view(torch.int16).to(torch.int64) & 0xffff
            low = scale[row * 64:row * 64 + 64, column].view(torch.int16).to(torch.int64) & 0xffff
            word = low | high << 16
            tile[4096:] = torch.stack([(word >> (8 * b)) & 255 for b in range(4)], -1).reshape(-1).to(torch.uint8)
    return tiles.contiguous()


def check_convert():
    for rows, width, pitch in ((1, 5, 8), (3, 1000, 1000), (70000, 2, 8)) if BIG else ((1, 5, 8), (3, 1000, 1000)):
        for name, dtype, to in (("f32_to_bf16", f32t, bf16), ("f16_to_bf16", torch.float16, bf16), ("bf16_to_bf16", bf16, bf16),
                                ("f16_to_f32", torch.float16, f32t), ("bf16_to_f32", bf16, f32t), ("f32_to_f32", f32t, f32t)):
            x, y = rand(rows, width, dtype=dtype), nan(rows, pitch, dtype=to)
            K.launch("convert", name, ((pitch + 127) // 128, min(rows, 65535), 1), 128, 0, [p(x), p(y), i32(rows), i32(width), i32(pitch)])
            K.synchronize()
            report(f"{name} {rows}x{width}", error(y, torch.nn.functional.pad(x.to(to), (0, pitch - width))), 0)
    for n, k, slabs in ((64, 128, 1), (128, 256, 1), (64, 512, 2)):
        for dtype in (bf16, torch.float16):
            q = torch.randint(0, 16, (n, k))
            zero = torch.randint(0, 16, (n, k // 128))
            scale = (torch.rand(n, k // 128) * 0.02 + 0.001).to(dtype)
            tiles = pack_tiles(q, zero, scale, slabs).to(DEV)
            y = nan(n, k)
            for first in range(n // 64):
                K.launch("convert", "int4_to_bf16", (k // 128, 1, 1), 128, 0,
                         [p(tiles), p(y[first * 64:]), i32(k), i32(k // 128 // slabs), i32(n // 64), i32(first), i32(dtype == torch.float16)])
            K.synchronize()
            want = ((q - zero.repeat_interleave(128, 1)).float() * scale.float().repeat_interleave(128, 1)).to(bf16)
            report(f"int4_to_bf16 {n}x{k} slabs {slabs} scale {dtype}", error(y.cpu(), want), 0)


class Cache:
    """Pages with garbage (NaN) wherever nothing was written."""

    def __init__(self, pages, layers, kv_heads, head_size):
        self.d, self.pitch = head_size, 64 if head_size <= 64 else 128
        self.kv_heads = kv_heads
        self.data = nan(pages, layers, kv_heads, 2, 64, self.pitch)
        self.stride = self.data[0].numel() * 2
        self.layer_bytes = self.data[0, 0].numel() * 2

    def base(self, layer):
        return ctypes.c_void_p(self.data.data_ptr() + layer * self.layer_bytes)

    def swizzle(self, x):
        """(..., 64, pitch) plain to stored, and back: its own inverse."""
        chunks = x.unflatten(-1, (self.pitch // 8, 8))
        token = torch.arange(64, device=DEV)[:, None]
        index = torch.arange(self.pitch // 8, device=DEV)[None, :] ^ (token & 7)
        return torch.gather(chunks, -2, index[..., None].expand(*chunks.shape)).flatten(-2)

    def put(self, layer, table, k, v):
        """k, v (tokens, kv_heads, d) to the pages of `table`."""
        for i, page in enumerate(table):
            n = min(64, k.shape[0] - i * 64)
            block = nan(self.kv_heads, 2, 64, self.pitch)
            block[:, :, :n] = 0
            block[:, 0, :n, :self.d] = k[i * 64:i * 64 + n].transpose(0, 1)
            block[:, 1, :n, :self.d] = v[i * 64:i * 64 + n].transpose(0, 1)
            self.data[page, layer] = self.swizzle(block)


def check_heads():
    cases = ((8, 2, 3, 4), (64, 4, 2, 32), (64, 2, 3, 32), (128, 4, 7, 64), (128, 1, 8, 64), (64, 1, 1, 16), (16, 2, 2, 8))
    for d, kv, group, pairs in cases:
        for normed in (False, True):
            rows = 5
            qkv = rand(rows, kv, group + 2, d)
            qn, kn = rand(d, dtype=f32t), rand(d, dtype=f32t)
            angle = torch.rand(300, pairs, device=DEV, dtype=torch.float64) * 6
            rotary = torch.cat((angle.cos(), angle.sin()), 1).float().contiguous()
            positions = torch.tensor([0, 63, 64, 130, 299], device=DEV, dtype=torch.int32)
            slots = torch.tensor([1 * 64 + 0, 0 * 64 + 63, 2 * 64 + 5, -1, 2 * 64 + 6], device=DEV, dtype=torch.int32)
            x = qkv.double()
            if normed:
                scale = torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-6)
                x = x.clone()
                x[:, :, :group] = qkv.double()[:, :, :group] * scale[:, :, :group] * qn.double()
                x[:, :, group] = qkv.double()[:, :, group] * scale[:, :, group] * kn.double()
            c = rotary[positions.long(), :pairs].double()[:, None, None]
            s = rotary[positions.long(), pairs:].double()[:, None, None]
            want = x.clone()
            a, b = x[:, :, :group + 1, :pairs], x[:, :, :group + 1, pairs:2 * pairs]
            want[:, :, :group + 1, :pairs] = a * c - b * s
            want[:, :, :group + 1, pairs:2 * pairs] = b * c + a * s
            for kernel in ("heads_any", "heads_vector", "heads_sums"):
                if kernel != "heads_any" and (d not in (64, 128) or pairs != d // 2):
                    continue
                cache = Cache(3, 2, kv, d)
                got = qkv.clone()
                work = structure("W", qkv=got, qn=qn, kn=kn, rotary=rotary, positions=positions, slots=slots,
                                 base=cache.base(1), stride=u64(cache.stride), rows=rows, kv=kv, group=group, pairs=pairs, rotary_pitch=2 * pairs,
                                 flags=(1 if normed else 0) | 2 | 4 | 8, epsilon=f32(1e-6))
                units = rows * kv * (group + 2)
                threads = units * {"heads_any": 32, "heads_vector": d // 16, "heads_sums": d // 8}[kernel]
                block = 128 if kernel == "heads_sums" else 256
                sums, keep = left_sums(qkv.view(rows, -1), 3, 5, 8) if kernel == "heads_sums" else (None, None)
                K.launch("heads", kernel, ((threads + block - 1) // block, 1, 1), block, 0, [work] + ([sums] if sums else []), d)
                K.synchronize()
                if sums:  # values stay where they are
                    got[:, :, group + 1] = qkv[:, :, group + 1]
                name = f"{kernel} d{d} kv{kv}x{group} pairs {pairs} norm {normed}"
                report(name + " queries and keys", error(got, want), 3e-3)
                pages = cache.swizzle(cache.data[:, 1])
                worst = 0.0
                for row, slot in enumerate(slots.tolist()):
                    if slot >= 0:
                        for which in (0, 1):
                            stored = pages[slot // 64, :, which, slot % 64]
                            worst = max(worst, error(stored[:, :d], want[row, :, group + which]))
                            worst = max(worst, stored[:, d:].abs().max().item() if d < cache.pitch else 0)
                report(name + " cache", worst if worst == worst else 9, 4e-3)
                untouched = torch.isnan(cache.data[:, 0]).all().item() and torch.isnan(pages[0, :, :, :63]).all().item()
                report(name + " elsewhere untouched", 0 if untouched else 1, 0)
    if BIG:
        rows, kv, group, d = 8192, 4, 7, 128
        cache = Cache(130, 1, kv, d)
        qkv, rotary = rand(rows, kv, group + 2, d), rand(8192, 128, dtype=f32t)
        positions = torch.arange(rows, device=DEV, dtype=torch.int32)
        work = structure("W", qkv=qkv, qn=None, kn=None, rotary=rotary, positions=positions, slots=positions,
                         base=cache.base(0), stride=u64(cache.stride), rows=rows, kv=kv, group=group, pairs=64, rotary_pitch=128,
                         flags=6, epsilon=f32(1e-6))
        t = timed(lambda: K.launch("heads", "heads_vector", (rows * kv * (group + 2) * 8 // 256, 1, 1), 256, 0, [work], d))
        print(f"     heads_vector 8192 rows 7B: {t:.1f} us {rows * kv * ((group * 2) + 4) * d * 2 / t / 1e6:.2f} TB/s")


def attention(q, k, v, positions):
    """q (tokens, kv, group, d), k and v (context, kv, d), causal at absolute positions; float32."""
    q, k, v = q.float(), k.float(), v.float()
    scores = torch.einsum("tkgd,ckd->tkgc", q, k) * q.shape[-1] ** -0.5
    mask = torch.arange(k.shape[0], device=DEV)[None, :] > positions[:, None]
    scores.masked_fill_(mask[:, None, None], float("-inf"))
    return torch.einsum("tkgc,ckd->tkgd", scores.softmax(-1), v)


def decode_chunk(contexts, units, groups):
    """Tokens of a chunk as CudaBatch chooses them for so many groups of warps; a context of two chunks or less stays whole."""
    chunk = 512
    while 2 * chunk // 64 * groups < 3 * sum((c + 63) // 64 for c in contexts) * units:
        chunk *= 2
    return chunk


def decode_lists(contexts, tables, chunk=512, begun=None):
    """Items of decode attention, the sequences' pages, and how many partial results there are. `begun`: of a row, pages that
    prefix attention has been to, and its partial results (first slot, how many)."""
    items, pages = [], []
    begun = begun or {}
    slots = max((first + count for _, first, count in begun.values()), default=0)
    for row, context in enumerate(contexts):
        before, prefix_slot, prefix_chunks = begun.get(row, (0, 0, 0))
        rest = context - before * 64
        n = 1 if rest <= 2 * chunk else (rest + chunk - 1) // chunk
        for c in range(n):
            tokens = rest if n == 1 else min(chunk, rest - c * chunk)
            first = before + c * chunk // 64
            items.append((row, len(pages) + first, tokens, slots + c if n > 1 else -1, slots if n > 1 else -1,
                          n | (prefix_chunks << 16 if c == 0 else 0), tables[row][first], prefix_slot))
        slots += n if n > 1 else 0
        pages += tables[row]
    items.sort(key=lambda i: -((i[2] + 63) // 64))
    as_int = lambda x: torch.tensor(x, dtype=torch.int32, device=DEV)
    return as_int(items), as_int(pages), max(slots, 1)


def prefix_lists(groups, tables, group, cut):
    """Tiles and members of prefix attention, and what decode_lists goes on from. `groups`: rows that share their first pages, how
    many; `cut`: most pages of a tile, or that of each group."""
    tiles, members, begun, slot = [], [], {}, 0
    for number, (rows, shared) in enumerate(groups):
        first, most = len(members), cut if isinstance(cut, int) else cut[number]
        chunks = (shared + most - 1) // most
        page = sum(len(t) for t in tables[:rows[0]])
        for row in rows:
            members.append((row, slot))
            begun[row] = (shared, slot, chunks)
            slot += chunks
        end = len(rows) * group
        for c in range(chunks):
            at = shared * c // chunks
            tiles += [(first, start, end, page + at, shared * (c + 1) // chunks - at, c, 0, 0) for start in range(0, end, 128)]
    tiles.sort(key=lambda t: (t[2] - t[1] >= 128, t[4]), reverse=True)
    as_int = lambda x: torch.tensor(x, dtype=torch.int32, device=DEV)
    return as_int(tiles), as_int(members), begun


def decode_ring(head_bytes, groups=0):
    """As PageRing on sm_90: groups of a block, stages of each, shared memory."""
    room = lambda groups: (227 * 1024 // groups - 7168) // head_bytes
    groups = groups or next(g for g in (3, 2, 1) if room(g) >= 2)
    stages = min(16, room(groups))
    return groups, stages, groups * (stages * head_bytes + 7168)


def run_decode(contexts, kv, group, d, check_rows, layers=2, label="", stages=0, growth=0, grid=132 if BIG else 2):
    total = sum((c + 63) // 64 for c in contexts)
    cache = Cache(total + 1, layers, kv, d)
    order = torch.randperm(total).tolist()
    tables, at, keys = [], 0, {}
    if not check_rows:
        cache.data.normal_()
    for row, context in enumerate(contexts):
        n = (context + 63) // 64
        tables.append(order[at:at + n])
        at += n
        if row in check_rows:
            k = rand(context, kv, d, scale=1.5)
            if growth:
                k *= (torch.arange(context, device=DEV) // 64 * growth)[:, None, None]
            keys[row] = (k, rand(context, kv, d))
            cache.put(layers - 1, tables[-1], *keys[row])
        elif check_rows:
            cache.data[tables[-1]] = torch.randn_like(cache.data[tables[-1]])
    qkv = rand(len(contexts), kv, group + 2, d)
    items, pages, slots = decode_lists(contexts, tables)
    head_tiles = (group + 7) // 8
    pitch = 64 if d <= 64 else 128
    partial = torch.zeros(slots, kv * head_tiles, 8, pitch + 4, device=DEV)
    y = nan(len(contexts), kv, group, d)
    header = torch.tensor([items.shape[0]], dtype=torch.int32, device=DEV)
    scale = d ** -0.5 * math.log2(math.e)
    head_bytes = 2 * 64 * pitch * 2
    ring = decode_ring(head_bytes)
    groups, stages, shared = (2, stages, 2 * (stages * head_bytes + 7168)) if stages else ring
    work = structure("D", qkv=qkv, header=header, items=items, pages=pages, base=cache.base(layers - 1), stride=u64(cache.stride),
                     partial=partial, y=y, kv=kv, group=group, tiles=head_tiles, scale=f32(scale), stages=stages, items_max=items.shape[0])
    last = [(cache.data[table[-1], layers - 1, head, which].data_ptr() + (context - 1) % 64 * pitch * 2, pitch * 2)
            for table, context in zip(tables, contexts) for head in range(kv) for which in (0, 1)]

    def run():
        K.written_before("decode_attention", d, last)
        K.launch("decode_attention", "decode_attention", (grid, 1, 1), groups * (pitch + 32), shared, [work], d)

    run()
    K.synchronize()
    worst = 0.0
    for row, (k, v) in keys.items():
        want = attention(qkv[row:row + 1, :, :group], k, v, torch.tensor([contexts[row] - 1], device=DEV))
        e = error(y[row:row + 1], want)
        worst = max(worst, e if e == e else 9)
    t = timed(run) if BIG and len(contexts) >= 64 else 0
    moved = sum(contexts) * kv * 2 * d * 2
    report(f"decode d{d} kv{kv}x{group} {label}", worst, 4e-3, f"{t:.0f} us {moved / t / 1e6:.2f} TB/s" if t else "")
    first = y.clone()
    run()
    K.synchronize()
    report(f"decode d{d} kv{kv}x{group} {label} twice the same bits", 0 if torch.equal(first, y) else 1, 0)


def run_decode_behind(contexts, kv, group, grid, repeats):
    """Right behind the kernel that writes the last token of every sequence."""
    d = 128
    used = [(c + 63) // 64 for c in contexts]
    cache, tables = Cache(sum(used), 1, kv, d), []
    cache.data.normal_()
    for n in used:
        at = sum(len(t) for t in tables)
        tables.append(list(range(at, at + n)))
    items, pages, slots = decode_lists(contexts, tables)
    as_int = lambda x: torch.tensor(x, dtype=torch.int32, device=DEV)
    positions = as_int([c - 1 for c in contexts])
    slot = as_int([t[-1] * 64 + (c - 1) % 64 for t, c in zip(tables, contexts)])
    rotary = torch.cat((torch.ones(max(contexts), d // 2, device=DEV), torch.zeros(max(contexts), d // 2, device=DEV)), 1)
    header, partial = as_int([items.shape[0]]), torch.zeros(slots, kv, 8, d + 4, device=DEV)
    groups, stages, shared = decode_ring(2 * 64 * d * 2)
    y = nan(len(contexts), kv, group, d)
    worst = 0.0
    for _ in range(repeats):
        qkv = rand(len(contexts), kv, group + 2, d)
        plain = cache.swizzle(cache.data[:, 0]).clone()
        plain.view(-1, kv, 2, 64, d).transpose(1, 3)[slot // 64, slot % 64] = qkv[:, :, group:].transpose(1, 2)
        cache.data[slot // 64, :, :, :, slot % 64] = float("nan")
        heads = structure("W", qkv=qkv, qn=None, kn=None, rotary=rotary, positions=positions, slots=slot, base=cache.base(0), stride=u64(cache.stride),
                          rows=len(contexts), kv=kv, group=group, pairs=d // 2, rotary_pitch=d, flags=2 | 4, epsilon=f32(1e-6))
        work = structure("D", qkv=qkv, header=header, items=items, pages=pages, base=cache.base(0), stride=u64(cache.stride), partial=partial, y=y, kv=kv,
                         group=group, tiles=1, scale=f32(d ** -0.5 * math.log2(math.e)), stages=stages, items_max=items.shape[0])
        K.written_before("decode_attention", d, [(cache.data[page, 0, head, which, at].data_ptr(), d * 2) for page, at in zip(*map(torch.Tensor.tolist, (slot // 64, slot % 64)))
                                                 for head in range(kv) for which in (0, 1)])
        K.launch("heads", "heads_vector", ((len(contexts) * kv * (group + 2) * 8 + 255) // 256, 1, 1), 256, 0, [heads], d)
        K.launch("decode_attention", "decode_attention", (grid, 1, 1), groups * (d + 32), shared, [work], d)
        K.synchronize()
        for row, context in enumerate(contexts):
            k, v = (plain[tables[row], :, which].transpose(1, 2).flatten(0, 1)[:context] for which in (0, 1))
            e = error(y[row:row + 1], attention(qkv[row:row + 1, :, :group], k, v, positions[row:row + 1]))
            worst = max(worst, e if e == e else 9)
    report(f"decode right behind heads, {len(contexts)} rows", worst, 4e-3)


def check_decode():
    lengths = [1, 5, 17, 63, 64, 65, 127, 200, 512, 1024, 1025, 1536, 1700]
    every = range(len(lengths))
    for d, kv, group in ((64, 2, 2), (128, 2, 7), (128, 1, 8), (128, 1, 12), (8, 4, 2), (64, 1, 1)):
        run_decode(lengths, kv, group, d, every, label=f"lengths {lengths}")
    run_decode(lengths, 2, 7, 128, every, label="two groups of two stages", stages=2)
    run_decode(lengths, 2, 7, 128, every, label="scores that rise by hundreds from page to page", growth=50)
    lengths = [1, 64, 65, 130, 192, 384, 390, 1700]
    for d, kv, group in ((128, 2, 7), (64, 2, 2), (128, 1, 12)):
        run_decode(lengths, kv, group, d, range(len(lengths)), label=f"groups that share items, lengths {lengths}", grid=132 if BIG else 40)
    run_decode([390, 150], 2, 7, 128, (0, 1), label="two groups that share items", stages=2, grid=132 if BIG else 8)
    run_decode([700, 150], 2, 7, 128, (0, 1), label="groups that share items, scores that rise", growth=50, grid=132 if BIG else 8)
    run_decode([1000], 1, 1, 128, (0,), label="groups that share an item, scores that rise", growth=50, grid=132 if BIG else 1)
    run_decode_behind([130, 64, 1, 65, 200], 2, 7, 132 if BIG else 3, 20 if BIG else 2)
    if BIG:
        run_decode_behind([384 + i % 7 for i in range(32)], 4, 7, 132, 20)
        run_decode_behind([100 + i % 300 for i in range(320)], 4, 7, 132, 20)
        for batch, context, kv, group in ((256, 1024, 4, 7), (512, 1024, 4, 7), (128, 4096, 8, 8), (64, 1000, 4, 7), (256, 400, 4, 7), (512, 320, 4, 7)):
            run_decode([context] * batch, kv, group, 128, (0, batch // 2, batch - 1), 1, f"B{batch} ctx{context}")


def run_prefix(sizes, kv, group, d, cut, label="", chunk=512, grid=132 if BIG else 2, timed_too=False, growth=0):
    """Prefix attention, then decode attention. `sizes`: shared pages and the sequences' tokens behind them; no pages: alone."""
    total = sum(shared + sum((n + 63) // 64 for n in rest) for shared, rest in sizes)
    cache, order = Cache(total + 1, 2, kv, d), torch.randperm(total).tolist()
    rows = torch.randperm(sum(len(rest) for _, rest in sizes)).tolist()
    contexts, tables, kept, groups = [0] * len(rows), [None] * len(rows), {}, []
    for shared, rest in sizes:
        first = [order.pop() for _ in range(shared)]
        k0, v0 = rand(shared * 64, kv, d, scale=1.5), rand(shared * 64, kv, d)
        if growth:
            k0 *= (torch.arange(shared * 64, device=DEV) // 64 * growth)[:, None, None]
        cache.put(1, first, k0, v0)
        here = sorted(rows.pop() for _ in rest)
        if shared:
            groups.append((here, shared))
        for row, n in zip(here, rest):
            own = [order.pop() for _ in range((n + 63) // 64)]
            k, v = rand(n, kv, d, scale=1.5), rand(n, kv, d)
            cache.put(1, own, k, v)
            contexts[row], tables[row], kept[row] = shared * 64 + n, first + own, (torch.cat((k0, k)), torch.cat((v0, v)))
    count, head_tiles, pitch = len(contexts), (group + 7) // 8, 64 if d <= 64 else 128
    tiles, members, begun = prefix_lists(groups, tables, group, cut)
    items, pages, slots = decode_lists(contexts, tables, chunk, begun)
    qkv, y = rand(count, kv, group + 2, d), nan(count, kv, group, d)
    partial = nan(slots, kv * head_tiles, 8, pitch + 4, dtype=f32t)
    partial[:, :, :, pitch + 2:] = 0
    header = torch.tensor([items.shape[0], tiles.shape[0]], dtype=torch.int32, device=DEV)
    scale, head_bytes = f32(d ** -0.5 * math.log2(math.e)), 2 * 64 * pitch * 2
    warps, stages, bytes = decode_ring(head_bytes)
    prefix = structure("X", qkv=qkv, header=header, tiles=tiles, members=members, pages=pages, base=cache.base(1), stride=u64(cache.stride),
                       partial=partial, kv=kv, group=group, tiles_of_heads=head_tiles, scale=scale)
    work = structure("D", qkv=qkv, header=header, items=items, pages=pages, base=cache.base(1), stride=u64(cache.stride), partial=partial, y=y,
                     kv=kv, group=group, tiles=head_tiles, scale=scale, stages=stages, items_max=items.shape[0])
    last = [(cache.data[table[-1], 1, head, which].data_ptr() + (context - 1) % 64 * pitch * 2, pitch * 2)
            for table, context in zip(tables, contexts) for head in range(kv) for which in (0, 1)]

    def run():
        for file in ("prefill_attention", "decode_attention"):
            K.written_before(file, d, last)
        K.launch("prefill_attention", "prefix_attention", (grid, 1, 1), 256, 2 * head_bytes, [prefix], d)
        K.launch("decode_attention", "decode_attention", (grid, 1, 1), warps * (pitch + 32), bytes, [work], d)

    run()
    K.synchronize()
    worst = 0.0
    for row, (k, v) in kept.items():
        want = attention(qkv[row:row + 1, :, :group], k, v, torch.tensor([contexts[row] - 1], device=DEV))
        e = error(y[row:row + 1], want)
        worst = max(worst, e if e == e else 9)
    report(f"prefix d{d} kv{kv}x{group} {label}", worst, 4e-3, f"{timed(run):.0f} us" if timed_too else "")
    first = y.clone()
    run()
    K.synchronize()
    report(f"prefix d{d} kv{kv}x{group} {label} twice the same bits", 0 if torch.equal(first, y) else 1, 0)


def check_prefix():
    sizes = ((4, (1, 63, 64, 65)), (5, (130,) * 2), (0, (1, 200)), (7, tuple(range(3, 63, 3))), (1, (70, 1, 5)))
    for d, kv, group in ((128, 2, 7), (64, 2, 2), (128, 1, 12), (8, 2, 2), (64, 1, 1), (80, 1, 3)):
        run_prefix(sizes, kv, group, d, 100, "each beginning whole")
    for cut in (1, 3):
        run_prefix(sizes, 2, 7, 128, cut, f"cut into {cut} pages")
    run_prefix(sizes, 2, 7, 128, 2, "few blocks", grid=3)
    run_prefix(sizes, 2, 7, 128, 4, "groups that share items", grid=132 if BIG else 70)
    run_prefix(((6, (1, 64, 129, 400)),), 1, 12, 128, 4, "groups that share items", grid=132 if BIG else 10)
    run_prefix(((6, (300, 64, 129, 400)), (0, (300,))), 2, 7, 128, 4, "chunks behind it", chunk=64)
    run_prefix(((6, (100, 70)),), 2, 7, 128, 4, "scores that rise by hundreds", growth=50)
    run_prefix(((6, (100, 70)),), 2, 7, 128, 4, "scores that fall", growth=-50)
    if BIG:
        run_prefix(((23, tuple(60 + i % 64 for i in range(56))),) * 16, 4, 7, 128, 12, "896 of 16", timed_too=True)


def check_prefill():
    # (tokens of this step, context before it)
    cases = (((1, 0), (64, 0), (3, 62)), ((65, 0), (30, 100), (2, 511)), ((130, 70),))
    shapes = ((64, 2, 2), (128, 2, 7), (128, 1, 8), (8, 4, 2), (64, 1, 12))
    if BIG:
        cases += (((2048, 0), (1000, 1048), (17, 4000)), ((2048, 0),) * 4, ((8192, 0),))
    for case in cases:
        for d, kv, group in shapes if max(c[0] for c in case) < 1000 else ((128, 4, 7), (64, 4, 2)):
            total = sum((n + before + 63) // 64 for n, before in case)
            cache = Cache(total + 1, 2, kv, d)
            order, at = torch.randperm(total).tolist(), 0
            tiles, pages, parts, row = [], [], [], 0
            for n, before in case:
                count = (n + before + 63) // 64
                table = order[at:at + count]
                at += count
                k, v = rand(n + before, kv, d, scale=1.5), rand(n + before, kv, d)
                cache.put(1, table, k, v)
                for start in range(0, n * group, 128):
                    tiles.append((row, before, len(pages), start, n * group, 0, 0, 0))
                parts.append((row, n, before, k, v))
                pages += table
                row += n
            tiles.sort(key=lambda t: -(t[1] * 1 + (min(t[3] + 128, t[4]) - 1) // group))
            qkv, y = rand(row, kv, group + 2, d), nan(row, kv, group, d)
            tiles_t = torch.tensor(tiles, dtype=torch.int32, device=DEV)
            pages_t = torch.tensor(pages, dtype=torch.int32, device=DEV)
            pitch = 64 if d <= 64 else 128
            work = structure("P", qkv=qkv, tiles=tiles_t, pages=pages_t, base=cache.base(1), stride=u64(cache.stride), y=y, kv=kv,
                             group=group, scale=f32(d ** -0.5 * math.log2(math.e)))
            run = lambda: K.launch("prefill_attention", "prefill_attention", (len(tiles), kv, 1), 256, 2 * 2 * 64 * pitch * 2, [work], d)
            run()
            K.synchronize()
            worst, flops = 0.0, 0
            for first, n, before, k, v in parts:
                for head in range(kv):
                    positions = torch.arange(before, before + n, device=DEV)
                    want = attention(qkv[first:first + n, head:head + 1, :group], k[:, head:head + 1], v[:, head:head + 1], positions)
                    e = error(y[first:first + n, head:head + 1], want)
                    worst = max(worst, e if e == e else 9)
                flops += 4 * d * kv * group * (n * before + n * (n + 1) // 2)
            t = timed(run, 5) if BIG and row > 1000 else 0
            report(f"prefill d{d} kv{kv}x{group} {case}", worst, 5e-3, f"{t:.0f} us {flops / t / 1e6:.0f} TFLOP/s" if t else "")


def sample_run(logits, vocabulary, tasks, edits, tops):
    from struct import pack
    data = b"".join(pack("<8i3fidQ", t.get("row", i), t.get("kind", 0), t.get("target", 0), t.get("top", 0), t.get("top_start", 0),
                         t.get("edits_start", 0), t.get("edits_count", 0), t.get("top_k", 0), t.get("temperature", 0.0),
                         t.get("top_p", 1.0), t.get("min_p_log", float("-inf")), 0, t.get("share", 0.0), 0)
                    for i, t in enumerate(tasks))
    tasks_t = torch.frombuffer(bytearray(data), dtype=torch.uint8).to(DEV)
    edit_data = b"".join(pack("<ifff", *e) for e in edits) or bytes(16)
    edits_t = torch.frombuffer(bytearray(edit_data), dtype=torch.uint8).to(DEV)
    tokens = torch.full((len(tasks),), -1, dtype=torch.int32, device=DEV)
    logprobs = nan(len(tasks), dtype=f32t)
    top_tokens = torch.full((max(tops, 1),), -1, dtype=torch.int32, device=DEV)
    top_logprobs = nan(max(tops, 1), dtype=f32t)
    surveys = nan(len(tasks) * 16 * 4, dtype=f32t)
    told = torch.full((len(tasks),), -2, dtype=torch.int32, device=DEV)
    work = structure("S", logits=logits, tasks=tasks_t, edits=edits_t, tokens=tokens, told=told, logprobs=logprobs, top_tokens=top_tokens,
                     top_logprobs=top_logprobs, surveys=surveys, pitch=u64(logits.stride(0)), vocabulary=vocabulary)
    def run():
        K.launch("sample", "survey", (16, len(tasks), 1), 256, 0, [work])
        K.launch("sample", "sample", (len(tasks), 1, 1), 512, (vocabulary + 31) // 32 * 4, [work])
    run()
    K.synchronize()
    report("sample tells what it keeps", int((told != tokens).sum().item()), 0)
    return tokens, logprobs, top_tokens, top_logprobs, run


def check_fetch():
    host = torch.randint(0, 2**31 - 1, (4096,), dtype=torch.int32, pin_memory=BIG)
    for ranges in ([(0, 1)], [(0, 3), (5, 1), (100, 400), (1023, 1)], [(7, 1016)], [(12 * i, 11) for i in range(12)]):
        to, want = torch.full((4096,), -1, dtype=torch.int32, device=DEV), torch.full((4096,), -1, dtype=torch.int32)
        for first, count in ranges:
            want[4 * first : 4 * (first + count)] = host[4 * first : 4 * (first + count)]
        firsts, counts = ([r[i] for r in ranges] + [0] * (12 - len(ranges)) for i in (0, 1))
        work = structure("FetchWork", source=host, to=to, ranges=len(ranges), **{f"first{i}": x for i, x in enumerate(firsts)}, **{f"count{i}": x for i, x in enumerate(counts)}, padding=0)
        K.launch("fetch", "fetch", ((sum(counts) + 255) // 256, 1, 1), 256, 0, [work])
        K.synchronize()
        report(f"fetch {len(ranges)} ranges", int((to.cpu() != want).sum().item()), 0)


def check_sample():
    for vocabulary, pitch in ((512, 512), (1000, 1024), (4095, 4096)) + (((151665, 152064),) if BIG else ()):
        rows = 4
        logits = torch.randn(rows, pitch, device=DEV) * 3
        logits[:, vocabulary:] = 1e9  # padding is never seen
        view = logits[:, :vocabulary].double()
        normal = view.log_softmax(-1)
        order = view.argsort(-1, descending=True)
        tokens, lp, tt, tl, _ = sample_run(logits, vocabulary,
                                           [dict(top=5, top_start=0), dict(), dict(kind=1, target=17, top=2, top_start=5), dict(top=100, top_start=7)], [], 107)
        want = torch.tensor([order[0, 0], order[1, 0], 17, order[3, 0]], device=DEV)
        report(f"sample V{vocabulary} greedy and score tokens", (tokens.long() != want).sum().item(), 0)
        report(f"sample V{vocabulary} log-probabilities", (lp.double() - normal[torch.arange(4), want]).abs().max().item(), 1e-4)
        top_rows = torch.tensor([0] * 5 + [2] * 2 + [3] * 100, device=DEV)
        top_rank = torch.tensor(list(range(5)) + [0, 1] + list(range(100)), device=DEV)
        report(f"sample V{vocabulary} top tokens", (tt.long() != order[top_rows, top_rank]).sum().item(), 0)
        report(f"sample V{vocabulary} top log-probabilities", (tl.double() - normal[top_rows, order[top_rows, top_rank]]).abs().max().item(), 1e-4)

        # edits, greedy: bias, ban, repetition, penalty
        best, second, third = order[0, 0].item(), order[0, 1].item(), order[0, 2].item()
        some = sorted({best, second, third, 3, vocabulary - 1})
        edits = [(t, float("-inf") if t == best else 0.0, 1.0, 0.0) for t in some]
        t1 = sample_run(logits, vocabulary, [dict(edits_count=len(edits))], edits, 0)
        report(f"sample V{vocabulary} banned best", int(t1[0].item() != second), 0)
        report(f"sample V{vocabulary} banned best logprob is raw", abs(t1[1].item() - normal[0, second].item()), 1e-4)
        edits = [(t, 50.0 if t == 3 else 0.0, 1.0, 0.0) for t in some]
        report(f"sample V{vocabulary} bias", int(sample_run(logits, vocabulary, [dict(edits_count=len(edits))], edits, 0)[0].item() != 3), 0)
        edits = [(t, 0.0, 1000.0 if t == best else 1.0, 100.0 if t == second else 0.0) for t in some]
        report(f"sample V{vocabulary} penalties", int(sample_run(logits, vocabulary, [dict(edits_count=len(edits))], edits, 0)[0].item() != third), 0)

        # filters: what may be drawn
        draws = 200 if BIG else 30
        def allowed(row, mask_kind, settings):
            tasks = [dict(row=row, share=(i + 0.5) / draws, **settings) for i in range(draws)]
            got = sample_run(logits, vocabulary, tasks, [], 0)[0].long()
            return got
        t = 1.7
        tempered = (view / t).softmax(-1)
        for k in (1, 2, 40):
            keep = set(order[1, :k].tolist())
            report(f"sample V{vocabulary} top-k {k}", sum(x not in keep for x in allowed(1, "k", dict(temperature=t, top_k=k)).tolist()), 0)
        for mass in (0.01, 0.5, 0.9):
            sorted_p = tempered[2, order[2]]
            count = int((sorted_p.cumsum(0) < mass).sum().item()) + 1
            keep = set(order[2, :count].tolist())
            got = allowed(2, "p", dict(temperature=t, top_p=mass)).tolist()
            report(f"sample V{vocabulary} top-p {mass} keeps {count}", sum(x not in keep for x in got), 0)
        keep = set((tempered[3] >= 0.1 * tempered[3].max()).nonzero().flatten().tolist())
        report(f"sample V{vocabulary} min-p", sum(x not in keep for x in allowed(3, "m", dict(temperature=t, min_p_log=math.log(0.1))).tolist()), 0)

        # a draw is the token at a share of the running sum
        for settings in (dict(temperature=1.0), dict(temperature=0.6, top_k=8), dict(temperature=1.3, top_p=0.8), dict(temperature=2.0, top_k=50, top_p=0.9, min_p_log=math.log(0.02))):
            prob = (view[0] / settings["temperature"]).softmax(-1)
            rank = prob.argsort(descending=True)
            if "top_k" in settings:
                prob[rank[settings["top_k"]:]] = 0
            if "top_p" in settings:
                count = int((prob[rank].cumsum(0) < settings["top_p"] * prob.sum()).sum().item()) + 1
                prob[rank[count:]] = 0
            if "min_p_log" in settings:
                prob[prob < prob.max() * math.exp(settings["min_p_log"])] = 0
            run = (prob / prob.sum()).cumsum(0)
            shares = torch.rand(draws, dtype=torch.float64, device=DEV)
            got = sample_run(logits, vocabulary, [dict(row=0, share=x, **settings) for x in shares.tolist()], [], 0)[0].long()
            low = torch.where(got > 0, run[(got - 1).clamp_min(0)], 0.0)
            outside = torch.maximum(low - shares, shares - run[got]).clamp_min(0).max().item()
            report(f"sample V{vocabulary} share {settings}", outside, 1e-5)
            report(f"sample V{vocabulary} only what is left {settings}", int((prob[got] == 0).sum().item()), 0)
    # more left than candidates have room for: equals, which are kept together, and a flat distribution
    vocabulary, shares = 4095, [(i + 0.5) / 20 for i in range(20)]
    for settings in (dict(top_k=3), dict(top_p=0.5), dict(top_k=3, top_p=0.5)):
        got = sample_run(torch.zeros(1, 4096, device=DEV), vocabulary, [dict(row=0, temperature=1.0, share=x, **settings) for x in shares], [], 0)[0]
        report(f"sample equals {settings}", (got.double() - torch.tensor(shares, device=DEV) * vocabulary).abs().max().item(), 1.0)
    flat = torch.randn(1, 4096, device=DEV) * 0.1
    prob, order = flat[0, :vocabulary].double().softmax(-1).sort(descending=True)
    left = set(order[: int((prob.cumsum(0) < 0.9).sum().item()) + 1].tolist())
    got = sample_run(flat, vocabulary, [dict(row=0, temperature=1.0, top_p=0.9, share=x) for x in shares], [], 0)[0].tolist()
    report(f"sample flat top-p keeps {len(left)}", sum(x not in left for x in got) + int(len(set(got)) < 10), 0)
    # one bias far below all others
    edits = [(7, -1e12, 1.0, 0.0)]
    unbiased = flat[0, :vocabulary].double().clone()
    unbiased[7] = float("-inf")
    prob, order = unbiased.softmax(-1).sort(descending=True)
    for settings, keep in ((dict(top_p=0.9), int((prob.cumsum(0) < 0.9).sum().item()) + 1), (dict(top_k=500), 500)):
        left = set(order[:keep].tolist())
        tasks = [dict(row=0, temperature=1.0, edits_count=1, share=x, **settings) for x in shares]
        got = sample_run(flat, vocabulary, tasks, edits, 0)[0].tolist()
        report(f"sample {settings} beside a bias of -1e12", sum(x not in left for x in got) + int(len(set(got)) < 10), 0)
    # so many equals that not all can be collected: the lowest are reported
    _, _, tt, tl, _ = sample_run(torch.zeros(1, 4096, device=DEV), vocabulary, [dict(row=0, top=5, top_start=0)], [], 5)
    report("sample top tokens of equals", int((tt.cpu() != torch.arange(5)).sum().item()) + (tl.double().cpu() + math.log(vocabulary)).abs().max().item(), 1e-4)
    broken = torch.randn(3, 64, device=DEV)
    broken[1, 5] = float("nan")
    broken[2, 5] = float("inf")
    got = sample_run(broken, 64, [dict(row=i, temperature=t) for i in range(3) for t in (0.0, 1.0)], [], 0)
    report("sample logits that are not numbers draw nothing", int((got[0][2:] != -1).sum() + (~torch.isnan(got[1][2:])).sum() + (got[0][:2] < 0).sum()), 0)
    edits = [(t, float("-inf"), 1.0, 0.0) for t in range(64)]
    got = sample_run(broken, 64, [dict(row=0, temperature=t, edits_count=64) for t in (0.0, 1.0)], edits, 0)
    report("sample all banned draws nothing", int((got[0] != -1).sum() + (~torch.isnan(got[1])).sum()), 0)
    some = torch.full((2, 64), float("-inf"), device=DEV)
    some[0, 63], some[1, 17] = 2.0, -3.0
    some[1, 40] = -3.0
    got = sample_run(some, 64, [dict(row=0), dict(row=1)], [], 0)
    report("sample few logits that are finite", int(got[0][0] != 63) + int(got[0][1] != 17) + (got[1] - torch.tensor([0.0, -math.log(2)], device=DEV)).abs().max().item(), 1e-6)
    if BIG:
        logits = torch.randn(512, 152064, device=DEV)
        for rows in (32, 512):
            for name, settings in (("greedy", {}), ("temperature", dict(temperature=1.0)), ("top-k 50 top-p 0.9", dict(temperature=1.0, top_k=50, top_p=0.9))):
                run = sample_run(logits, 151665, [dict(share=(i + 0.5) / 512, **settings) for i in range(rows)], [], 0)[4]
                print(f"     sample {rows} x 152064 {name}: {timed(run, 5):.0f} us", flush=True)


def tensor_map(x, box_rows):
    """A map of boxes of 64 columns of a bf16 matrix, swizzled by 128 bytes: cuTensorMapEncodeTiled's."""
    rows, columns = x.shape
    if not BIG:
        return structure("TensorMap", address=u64(x.data_ptr()), columns=u64(columns), rows=u64(rows),
                         pitch_bytes=u64(x.stride(0) * 2), box_rows=u64(box_rows), **{f"unused{i}": u64(0) for i in range(11)})
    memory = ctypes.create_string_buffer(256)
    start = (ctypes.addressof(memory) + 63) // 64 * 64
    array = lambda type, *values: (type * len(values))(*values)
    K.check(K.driver.cuTensorMapEncodeTiled(
        ctypes.c_void_p(start), 9, 2, ctypes.c_void_p(x.data_ptr()), array(ctypes.c_uint64, columns, rows),
        array(ctypes.c_uint64, x.stride(0) * 2), array(ctypes.c_uint32, 64, box_rows), array(ctypes.c_uint32, 1, 1), 0, 3, 2, 0), "tensor map")
    filled = (ctypes.c_uint64 * 16).from_address(start)
    return structure("TensorMap", **{f"word{i}": u64(filled[i]) for i in range(16)})


# tokens: most stages of the wgmma kernels
W4_RINGS = {8: 11, 16: 10, 32: 8}
W4_WIDE_RINGS = {64: 6, 96: 5, 128: 4}
# tokens: stages of the kernels by warps
W4_MMA_STAGES = {8: 6, 16: 6, 32: 4, 64: 3}
W4_BOXES = {"w4": W4_RINGS, "w4_wide": W4_WIDE_RINGS, "w4_mma": W4_MMA_STAGES}


def w4_shares(outputs, inputs, most):
    """Thread blocks that share a weight, of at most so many: as FusedInt4 cuts it."""
    columns = inputs // 128
    units = (outputs + 255) // 256 * columns
    shares = max(1, min(most, units // 2))
    longest = -(-units // shares)
    return units // longest if units % longest == 0 and columns % longest == 0 else shares


def w4_product(x, tiles, slabs, tile_rows, bias, y, partials, end, first_token, f16):
    columns = x.shape[1] // 128
    return structure("Int4Product", tiles=tiles, bias=bias, y=y, partials=partials, columns=columns, slab_columns=columns // slabs, tile_rows=tile_rows,
                     y_pitch=y.stride(0), tokens=end, first_token=first_token, f16_scales=bool(f16), float_y=y.dtype == f32t)


def w4_few(box, x, tokens, tiles, slabs, tile_rows, bias, y, partials, shares, f16):
    """Launches w4_BOX; the ProductSums it leaves of y."""
    columns = x.shape[1] // 128
    units = (tile_rows + 3) // 4 * columns
    stages = min(W4_RINGS[box], -(-units // shares))
    product = w4_product(x, tiles, slabs, tile_rows, bias, y, partials, tokens, 0, f16)
    K.launch("w4", f"w4_{box}", (shares, 1, 1), 288, stages * ((box * 256 + 4 * 4352 + 16 + 1023) // 1024 * 1024), [tensor_map(x, box), product, i32(stages)])
    return structure("ProductSums", parts=partials, bias=bias, columns=columns, units=units, shares=shares, tokens=box)


def w4_gate(box, x, tokens, tiles, slabs, tile_rows, y, partials, ended, blocks, f16):
    """Launches w4_gate_BOX: y = silu(gate) * up of the rows of tiles in turn."""
    stages = W4_RINGS[box]
    product = w4_product(x, tiles, slabs, tile_rows, None, y, partials, tokens, 0, f16)
    K.launch("w4", f"w4_gate_{box}", (blocks, 1, 1), 384, stages * ((box * 256 + 4 * 4352 + 16 + 1023) // 1024 * 1024), [tensor_map(x, box), product, i32(stages), p(ended)])


def w4_launch(entry, box, x, tokens, tiles, slabs, tile_rows, bias, y, partials, shares, f16, first_token=0, boxes=1):
    """Launches ENTRY_BOX over `boxes` boxes of the rows of x from first_token on, and w4_join; of few tokens as w4_few, and w4_sum."""
    if entry == "w4":
        sums = w4_few(box, x, tokens, tiles, slabs, tile_rows, bias, y, partials, shares, f16)
        K.launch("w4", "w4_sum", (min(132, (tokens * tile_rows * 8 + 255) // 256), 1, 1), 256, 0,
                 [sums, p(y), i32(y.stride(0)), i32(64 * tile_rows), i32(tokens), i32(y.dtype == f32t)])
        return
    columns = x.shape[1] // 128
    blocks = (tile_rows + 3) // 4
    units = blocks * columns
    end = min(tokens, first_token + boxes * box)
    product = w4_product(x, tiles, slabs, tile_rows, bias, y, partials, end, first_token, f16)
    if entry == "w4_mma":
        K.launch("w4", f"w4_mma_{box}", (shares, boxes, 1), 256, W4_MMA_STAGES[box] * (box * 256 + 2 * 4352), [p(x), i32(x.stride(0)), product])
    else:
        K.launch(entry, f"{entry}_{box}", (shares, boxes, 1), 384, W4_WIDE_RINGS[box] * ((box * 256 + 4 * 4352 + 1023) // 1024 * 1024 + 16),
                 [tensor_map(x, box), product])
    if units % shares or units // shares % columns:
        by_cut = shares - 1 < blocks
        K.launch("w4", "w4_join", (4 * (shares - 1 if by_cut else blocks), (end - first_token + 7) // 8, 1), 128, 0,
                 [product, i32(shares), i32(box), i32(by_cut)])


def w4_weights(n, k, slabs, dtype):
    q = torch.randint(0, 16, (n, k))
    zero = torch.randint(0, 16, (n, k // 128))
    scale = (torch.rand(n, k // 128) * 0.02 + 0.001).to(dtype)
    exact = (q - zero.repeat_interleave(128, 1)).double() * scale.double().repeat_interleave(128, 1)
    return pack_tiles(q, zero, scale, slabs).to(DEV), exact.to(DEV)


def check_w4_gate():
    # outputs, inputs, slabs, thread blocks: no rest, one and several blocks of it, shares of two blocks, more than one whole block
    for n, k, slabs, blocks in ((768, 1536, 1, 3), (1024, 1536, 1, 3), (1280, 1536, 3, 3), (2304, 1536, 1, 4), (1536, 1792, 1, 5)):
        for dtype in (bf16, torch.float16):
            tiles, exact = w4_weights(n, k, slabs, dtype)
            for box in W4_RINGS:
                for tokens in (box - 1, box) if box < 32 else (17, 32):
                    x = nan(tokens + 2, k)
                    x[:tokens] = rand(tokens, k)
                    y, ended = nan(tokens + 1, n // 2 + 8), torch.zeros(blocks, dtype=torch.int32, device=DEV)
                    partials = nan((blocks + n // 256 % blocks) * 256 * box, dtype=f32t)
                    for turn in range(2):
                        w4_gate(box, x, tokens, tiles, slabs, n // 64, y, partials, ended, blocks, dtype == torch.float16)
                        K.synchronize()
                    wide = (x[:tokens].double() @ exact.T).view(tokens, n // 128, 2, 64)
                    want = (torch.nn.functional.silu(wide[:, :, 0]) * wide[:, :, 1]).reshape(tokens, n // 2)
                    case = f"w4_gate_{box} {tokens} tokens {n}x{k} slabs {slabs} blocks {blocks} {str(dtype)[6:]}"
                    report(case, error(y[:tokens, : n // 2], want), 4e-3)
                    touched = (~y[tokens:].isnan()).sum() + (~y[:, n // 2 :].isnan()).sum() + ended.count_nonzero()
                    report(case + ", nothing else written", int(touched.item()), 0)


def check_w4():
    # outputs, inputs, slabs, thread blocks: one and several shares an output block, rows of tiles that do not fill the last block
    for n, k, slabs, shares in ((256, 256, 1, 1), (320, 640, 1, 3), (64, 512, 2, 4), (448, 384, 3, 5), (512, 128, 1, 2), (1088, 256, 1, 3)):
        for dtype in (bf16, torch.float16):
            tiles, exact = w4_weights(n, k, slabs, dtype)
            for entry in W4_BOXES:
                if entry != "w4_mma" and BIG and K.arch != "90a":
                    continue
                for box in W4_BOXES[entry]:
                    # one box and, where a launch takes several, three of them
                    for tokens in (box - 1, box // 2 + 1, box) if dtype == bf16 and k == 640 and box < 64 else (box - 1,):
                        boxes = 3 if entry == "w4_wide" else 1
                        tokens += box * (boxes - 1)
                        x = nan(tokens + 2, k)
                        x[:tokens] = rand(tokens, k)
                        for kind in (bf16, f32t):
                            bias = rand(n) if kind == bf16 else None
                            y = nan(tokens + 1, n + 8, dtype=kind)
                            partials = nan(boxes * (2 * shares + (n + 255) // 256) * 256 * box, dtype=f32t)
                            want = x[:tokens].double() @ exact.T + (bias.double() if kind == bf16 else 0)
                            for turn in range(2):
                                w4_launch(entry, box, x, tokens, tiles, slabs, n // 64, bias, y, partials, shares, dtype == torch.float16, boxes=boxes)
                            K.synchronize()
                            case = f"{entry}_{box} {tokens} tokens {n}x{k} slabs {slabs} shares {shares} {str(dtype)[6:]} to {str(kind)[6:]}"
                            report(case, error(y[:tokens, :n], want), 3e-6 if kind == f32t else 4e-3)
                            touched = (~y[tokens:].isnan()).sum() + (~y[:, n:].isnan()).sum()
                            report(case + ", nothing else written", int(touched.item()), 0)
    # more tokens than a box holds, box after box; the bits of a token are the same in any box
    n, k, shares = 320, 640, 3
    tiles, exact = w4_weights(n, k, 1, bf16)
    x = rand(150, k)
    alone = {}
    for entry, boxes in W4_BOXES.items():
        if entry != "w4_mma" and BIG and K.arch != "90a":
            continue
        way = entry.replace("_wide", "")
        for box in boxes:
            y = nan(150, n, dtype=f32t)
            partials = nan((2 * shares + (n + 255) // 256) * 256 * box, dtype=f32t)
            for first in range(0, 150, box):
                if entry == "w4":  # a launch takes one box
                    rows = slice(first, first + box)
                    w4_launch(entry, box, x[rows], len(x[rows]), tiles, 1, n // 64, None, y[rows], partials, shares, False)
                else:
                    w4_launch(entry, box, x, 150, tiles, 1, n // 64, None, y, partials, shares, False, first)
            K.synchronize()
            report(f"{entry}_{box} box after box", error(y, x.double() @ exact.T), 3e-6)
            report(f"{entry}_{box} same bits as {way}_8", int((y != alone.setdefault(way, y)).sum().item()), 0)


class Ranks:
    """Ranks on one device that exchange by all_reduce.cu. Their few blocks are all there at a time."""

    def __init__(self, count, half_bytes, blocks, threads):
        self.count, self.grid, self.threads = count, (blocks, 1, 1), threads
        self.buffers = [torch.zeros(half_bytes, dtype=torch.int16, device=DEV) for _ in range(count)]
        self.flags, self.rounds = torch.zeros(count, 64 * 8, dtype=torch.int32, device=DEV), torch.zeros(count, 64, dtype=torch.int32, device=DEV)
        self.failures = torch.zeros(count, dtype=torch.int64, pin_memory=BIG)
        self.half_bytes = half_bytes
        self.streams = [torch.cuda.Stream() for _ in range(count)] if BIG else [None] * count
        K.synchronize()

    def exchange(self, rank):
        eight = lambda tensors: {f"{i}": u64(t.data_ptr()) for i, t in enumerate(tensors + [self.flags[0]] * (8 - self.count))}
        return structure("Exchange", **{"buffer" + i: x for i, x in eight(self.buffers).items()}, **{"flags" + i: x for i, x in eight(list(self.flags)).items()},
                         rounds=self.rounds[rank], failure=self.failures[rank], half_bytes=u64(self.half_bytes), deadline=u64(20 * 10**9), rank=rank, ranks=self.count)

    def launch(self, name, arguments):
        def one(rank):
            with torch.cuda.stream(self.streams[rank]) if BIG else contextlib.nullcontext():
                K.launch("all_reduce", name, self.grid, self.threads, 0, [self.exchange(rank)] + arguments(rank))
        K.load("all_reduce", name)  # not while another rank's kernel waits for this one's
        K.synchronize()
        if BIG:
            for rank in range(self.count):
                one(rank)
        else:  # launches return when they are done
            with ThreadPoolExecutor(self.count) as threads:
                list(threads.map(one, range(self.count)))
        K.synchronize()


def check_all_reduce():
    blocks, threads = (16, 512) if BIG else (2, 32)
    for count in (2, 3, 8) if BIG else (2, 3):
        ranks = Ranks(count, 1 << 21, blocks, threads)
        # the last by shares, where there are more than two ranks
        for n in (8, 504, 8 * blocks * threads * 4 + 8, 8 * blocks * threads * 9 - 16, 800008):
            for turn in range(3):  # both halves, and the first again
                x = [rand(n + 8) for _ in range(count)]
                want, untouched = sum(t[:n].double() for t in x), [t[n:].clone() for t in x]
                ranks.launch("all_reduce_bf16", lambda r: [p(x[r]), u64(n)])
                case = f"all_reduce {count} ranks, {n} elements, turn {turn}"
                report(case, max(error(t[:n], want) for t in x), 4e-3)
                report(case + ", the same on all, nothing else", sum(int((t[:n] != x[0][:n]).sum()) for t in x) + sum(int((t[n:] != u).sum()) for t, u in zip(x, untouched)), 0)
            width, rows = 32, n // 16 or 1
            y = [nan(rows, count * width // 2) for _ in range(count)]
            x = [rand(rows, width // 2) for _ in range(count)]
            ranks.launch("all_gather", lambda r: [p(x[r]), p(y[r]), i32(rows), i32(width)])
            report(f"all_gather {count} ranks, {rows} rows", sum(int((t != torch.cat(x, 1)).sum()) for t in y), 0)
        report(f"all_reduce {count} ranks, nobody gave up", int(ranks.failures.count_nonzero()), 0)


CHECKS = dict(w4=check_w4, w4_gate=check_w4_gate, sums=check_sums, embed=check_embed, norm=check_norm, activation=check_activation, gather=check_gather, fetch=check_fetch, convert=check_convert,
              heads=check_heads, decode=check_decode, prefix=check_prefix, prefill=check_prefill, sample=check_sample, all_reduce=check_all_reduce)
if __name__ == "__main__":
    for name, check in CHECKS.items():
        if not options.only or name in options.only.split(","):
            check()
    print(f"{len(failures)} failures" + (": " + "; ".join(failures) if failures else ""))
    sys.exit(1 if failures else 0)

"""Products with int4 weights on a GPU: correctness over the shapes of Qwen2.5, then time.

  python3 bench_w4.py --cubins FOLDER [--check] [--time]
Cubins: w4.128.ARCH.cubin and convert.128.ARCH.cubin, as kernels.py names them. Against float32 products with the dequantised weights,
relative error ||ours - reference|| / ||reference||; times over copies of the weights in turn, more bytes
than the second-level cache holds. Exits 1 if any case is out of tolerance.
"""
import argparse, sys, time
import torch
from kernels import Gpu, i32, p

parser = argparse.ArgumentParser()
parser.add_argument("--cubins", required=True)
parser.add_argument("--check", action="store_true")
parser.add_argument("--time", action="store_true")
parser.add_argument("--seconds", type=float, default=40, help="stop timing after")
options = parser.parse_args()
sys.argv = [sys.argv[0], "--cubins", options.cubins, "--only", "none"]
import check_kernels as check

K, DEV = check.K, "cuda"
torch.backends.cuda.matmul.allow_tf32 = False
torch.manual_seed(1)
SMS = torch.cuda.get_device_properties(0).multi_processor_count
L2 = 60 << 20
BY_GROUPS = K.arch == "90a"
failures = 0


def pack(q, zero, scale, slabs):
    """As check_kernels.pack_tiles, for large matrices on the device."""
    n, k = q.shape
    groups = k // 128
    t = torch.arange(128, device=DEV)
    r0, c = t // 32 * 16 + t % 32 // 4, t % 4
    qq = q.view(n // 64, 64, groups, 8, 16).permute(0, 2, 3, 1, 4)
    word = torch.zeros((n // 64, groups, 8, 128), dtype=torch.int32, device=DEV)
    for j, (dr, dk) in enumerate(((0, 0), (8, 0), (0, 8), (8, 8), (0, 1), (8, 1), (0, 9), (8, 9))):
        word |= qq[:, :, :, r0 + dr, 2 * c + dk].to(torch.int32) << (4 * j)
    body = word.view(n // 64, groups, 2, 4, 128).permute(0, 1, 2, 4, 3).reshape(n // 64, groups, 1024)
    low = scale.view(torch.int16).to(torch.int32) & 0xffff
    high = (128 + zero.float()).to(torch.bfloat16).view(torch.int16).to(torch.int32) << 16
    tail = (low | high).view(n // 64, 64, groups).permute(0, 2, 1)
    tiles = torch.cat([body, tail], 2)
    return tiles.view(n // 64, slabs, groups // slabs, 1088).permute(1, 0, 2, 3).contiguous()


class Weight:
    def __init__(self, n, k, slabs, dtype):
        self.n, self.k, self.slabs, self.f16 = n, k, slabs, dtype == torch.float16
        q = torch.randint(0, 16, (n, k), device=DEV, dtype=torch.uint8)
        zero = torch.randint(0, 16, (n, k // 128), device=DEV, dtype=torch.uint8)
        self.scale = (torch.rand(n, k // 128, device=DEV) * 0.01 + 0.002).to(dtype)
        self.q, self.zero = q, zero
        self.tiles = pack(q, zero, self.scale, slabs)
        self.bytes = self.tiles.numel() * 4

    def exact(self):
        groups = self.k // 128
        return ((self.q.float().view(self.n, groups, 128) - self.zero.float()[:, :, None])
                * self.scale.float()[:, :, None]).view(self.n, self.k)


PARTIALS = torch.empty(64 << 18, device=DEV)


BOXES_MAX = 8


def fused(w, tiles, x, y, tokens, bias=None, entry=None):
    """As FusedInt4 launches them."""
    entry = entry or ("w4" if BY_GROUPS else "w4_mma")
    most = SMS if entry == "w4" else 2 * SMS
    if entry == "w4" and tokens > 32:
        entry = "w4_wide"
    sizes = list(check.W4_BOXES[entry])
    box = next((b for b in sizes if tokens <= b), min(sizes[-2:], key=lambda b: ((tokens + b - 1) // b * b, -b)))
    boxes = (tokens + box - 1) // box
    launches = (boxes + BOXES_MAX - 1) // BOXES_MAX
    for i in range(launches):
        first, end = boxes * i // launches, boxes * (i + 1) // launches
        shares = check.w4_shares(w.n, w.k, min(most, PARTIALS.numel() // (512 * box)) // (end - first))
        check.w4_launch(entry, box, x, tokens, tiles, w.slabs, w.n // 64, bias, y, PARTIALS, shares, w.f16, first * box, end - first)


# outputs, inputs, whether inputs are split over ranks
MODELS = {
    "7B": dict(hidden=3584, qkv=4608, q=3584, ff=18944),
    "14B": dict(hidden=5120, qkv=7168, q=5120, ff=13824),
    "32B": dict(hidden=5120, qkv=7168, q=5120, ff=27648),
    "72B": dict(hidden=8192, qkv=10240, q=8192, ff=29696),
}
# ranks the workspace offers: 7B's 148 groups of 128 inputs, 14B's 108 and o's 28 and 40 do not all divide by 8
RANKS = {"7B": (1, 2, 4), "14B": (1, 2, 4), "32B": (1, 2, 4, 8), "72B": (1, 2, 4, 8)}


def shapes(model, tp):
    m = MODELS[model]
    ff = (m["ff"] // 128 + tp - 1) // tp * 128
    slabs = 8 // tp if model in ("32B", "72B") else 4 // tp
    fit = lambda inputs: max(s for s in (1, slabs) if inputs // 128 % s == 0)
    return {
        "qkv": (m["qkv"] // tp // 64 * 64, m["hidden"], 1),
        "o": (m["hidden"], m["q"] // tp, fit(m["q"] // tp)),
        "gate_up": (2 * ff, m["hidden"], 1),
        "down": (m["hidden"], ff, fit(ff)),
    }


def relative(ours, reference):
    return ((ours.float() - reference).norm() / reference.norm()).item()


def check_shapes():
    global failures
    worst, cases, start = {}, 0, time.time()
    for model in MODELS:
        for tp in RANKS[model]:
            for name, (n, k, slabs) in shapes(model, tp).items():
                for dtype in (torch.float16, torch.bfloat16) if tp < 4 or name in ("o", "down") else (torch.bfloat16,):
                    w = Weight(n, k, slabs, dtype)
                    exact = w.exact()
                    bias = check.rand(n) if name == "qkv" else None
                    x = check.rand(512, k)
                    reference = x.float() @ exact.T + (bias.float() if bias is not None else 0)
                    for tokens in (1, 7, 8, 16, 33, 64, 128, 200, 256, 512):
                        for entry, counts in (("w4", None), ("w4_mma", (7, 33, 200))):
                            if (entry == "w4" and not BY_GROUPS) or (counts and tokens not in counts):
                                continue
                            for kind in (torch.float32, torch.bfloat16):
                                y = torch.full((tokens + 1, n + 8), float("nan"), device=DEV, dtype=kind)
                                fused(w, w.tiles, x, y, tokens, bias, entry)
                                e = relative(y[:tokens, :n], reference[:tokens])
                                clean = bool(y[tokens:].isnan().all() and y[:, n:].isnan().all())
                                limit = 1e-5 if kind == torch.float32 else 4e-3
                                key = f"{entry} {str(kind)[6:]}"
                                worst[key] = max(worst.get(key, 0), e) if e == e else float("nan")
                                cases += 1
                                if not (e <= limit and clean):
                                    failures += 1
                                    if failures < 20:
                                        print(f"FAIL {model} tp {tp} {name} {n}x{k} slabs {slabs} {dtype} {tokens} tokens {key}: {e:.2e} clean {clean}", flush=True)
                    # a row's bits do not depend on the others, of as many boxes
                    if BY_GROUPS:
                        one, few, many = (torch.empty(t, n, device=DEV, dtype=torch.float32) for t in (1, 100, 512))
                        fused(w, w.tiles, x, one, 1, bias)
                        fused(w, w.tiles, x, few, 100, bias)
                        fused(w, w.tiles, x, many, 512, bias)
                        again = torch.empty_like(many)
                        fused(w, w.tiles, x, again, 512, bias)
                        if not torch.equal(again, many):
                            failures += 1
                            print(f"FAIL {model} tp {tp} {name}: not the same bits twice", flush=True)
                        if not torch.equal(one[0], few[0]):
                            failures += 1
                            print(f"FAIL {model} tp {tp} {name}: row 0 differs between 1 and 100 tokens", flush=True)
                    print(f"     {model} tp {tp} {name} {n}x{k} {dtype}: {cases} cases so far, {time.time() - start:.1f} s", flush=True)
    print(f"checked {cases} cases in {time.time() - start:.1f} s, {failures} failures; largest relative errors: "
          + ", ".join(f"{k} {v:.1e}" for k, v in worst.items()), flush=True)


def timed(run):
    """Microseconds a call by a graph of calls: no launch cost of Python's."""
    run(0)
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        run(0)
        stream.synchronize()
        a, b = torch.cuda.Event(True), torch.cuda.Event(True)
        a.record()
        run(1)
        b.record()
        b.synchronize()
        count = int(max(4, min(24, 3000 / max(1e-3, a.elapsed_time(b) * 1e3))))
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            for i in range(count):
                run(i)
        graph.replay()
        times = []
        for _ in range(3):
            a.record()
            graph.replay()
            b.record()
            b.synchronize()
            times.append(a.elapsed_time(b) / count * 1e3)
    return sorted(times)[1]


def time_shapes():
    start = time.time()
    print(f"us; TB/s of int4 bytes; fused | int4 to bf16 in pieces of 32 MiB, then cuBLAS | cuBLAS with bf16 weights. {torch.cuda.get_device_name()}")
    for model, name, tp in (("72B", "gate_up", 1), ("72B", "down", 1), ("72B", "qkv", 1), ("72B", "o", 1), ("7B", "gate_up", 1), ("7B", "down", 1),
                            ("7B", "qkv", 1), ("7B", "o", 1), ("72B", "gate_up", 4), ("72B", "down", 4), ("32B", "gate_up", 1)):
        n, k, slabs = shapes(model, tp)[name]
        w = Weight(n, k, slabs, torch.float16)
        copies = [w.tiles] + [w.tiles.clone() for _ in range(max(1, 3 * L2 // w.bytes))]
        dense = w.exact().to(torch.bfloat16)
        del w.q
        denses = [dense] + [dense.clone() for _ in range(3 * L2 // (n * k * 2))]
        piece = max(256, min(n, (32 << 20) // (k * 2) // 256 * 256))
        slab = torch.empty(piece, k, device=DEV, dtype=torch.bfloat16)
        for tokens in (1, 8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096):
            if time.time() - start > options.seconds:
                print("out of time")
                return
            x = check.rand(tokens, k)
            y = torch.empty(tokens, n, device=DEV, dtype=torch.bfloat16)

            def by_slab(i):
                for first in range(0, n, piece):
                    some = min(piece, n - first)
                    K.launch("convert", "int4_to_bf16", (k // 128, some // 64, 1), 128, 0,
                             [p(copies[i % len(copies)]), p(slab), i32(k), i32(k // 128 // slabs), i32(n // 64), i32(first // 64), i32(1)])
                    torch.matmul(x, slab[:some].T, out=y.view(-1)[:tokens * some].view(tokens, some))

            row = []
            t = timed(lambda i: fused(w, copies[i % len(copies)], x, y, tokens)) if tokens <= 2048 else float("nan")
            row.append(f"{t:7.1f} ({w.bytes / t / 1e6:4.2f} TB/s {2e-6 * n * k * tokens / t:4.0f} TF)")
            if tokens <= 64 and tokens in (8, 64):
                t = timed(lambda i: fused(w, copies[i % len(copies)], x, y, tokens, entry="w4_mma"))
                row.append(f"mma {t:6.1f}")
            if tokens >= 256:
                row.append(f"slab {timed(by_slab):7.1f}")
            t = timed(lambda i: torch.matmul(x, denses[i % len(denses)].T, out=y))
            row.append(f"bf16 {t:7.1f} ({2e-6 * n * k * tokens / t:4.0f} TF)")
            print(f"{model}/{tp} {name:8s} {n:6d}x{k:5d} {tokens:5d} tokens: " + " | ".join(row), flush=True)
        del copies, denses, dense, slab, w
        torch.cuda.empty_cache()


if options.check:
    check_shapes()
if options.time:
    time_shapes()
sys.exit(1 if failures else 0)

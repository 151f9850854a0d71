"""Microseconds a decode layer of a 7B with int4 weights, launched as the engine launches it: early, in a graph.

  python3 bench_layer.py --cubins FOLDER [--rows N] [--context N]
  python3 bench_layer.py --emulate          # whether it runs, on small shapes
Cubins of w4, norm, heads, decode_attention and activation, as kernels.py names them. No exchange between ranks, no head.
"""
import argparse, math, sys
import torch
from kernels import f32, i32, p, structure, u64

parser = argparse.ArgumentParser()
parser.add_argument("--cubins")
parser.add_argument("--emulate", action="store_true")
parser.add_argument("--rows", type=int, default=32, help="at most 32")
parser.add_argument("--context", type=int, default=384, help="tokens of the shortest sequence; others have up to 6 more")
options = parser.parse_args()
sys.argv = [sys.argv[0]] + (["--emulate"] if options.emulate else ["--cubins", options.cubins]) + ["--only", "none"]
import check_kernels as check

K, DEV = check.K, check.DEV
hidden, ff, kv, group, layers, sms = (1536, 512, 1, 12, 2, 3) if options.emulate else (3584, 18944, 4, 7, 6, 132)
rows, d = options.rows, 128
partials = torch.zeros(1 << 20 if options.emulate else 16 << 20, device=DEV)
gates = torch.zeros(256, dtype=torch.int32, device=DEV)
unwritten = torch.empty(rows, 2 * ff, dtype=torch.bfloat16, device=DEV)


class Weight:
    def __init__(self, outputs, inputs):
        self.tiles = torch.randint(0, 2**31 - 1, (outputs // 64 * (inputs // 128), 1088), dtype=torch.int32, device=DEV)
        self.tiles[:, 1024:] = (0x4308 << 16) | 0x1c00  # zero 8, float16 scale 2^-8
        self.tile_rows, self.shares = outputs // 64, check.w4_shares(outputs, inputs, sms)

    def multiply(self, x, bias=None):
        box = next(b for b in check.W4_RINGS if rows <= b)
        return check.w4_few(box, x, rows, self.tiles, 1, self.tile_rows, bias, unwritten, partials, self.shares, True)

    def multiply_and_gate(self, x):
        box = next(b for b in check.W4_RINGS if rows <= b)
        if self.tile_rows // 4 >= sms:
            check.w4_gate(box, x, rows, self.tiles, 1, self.tile_rows, gated, partials, gates, sms, True)
        else:
            K.launch("activation", "gated_activation_sums", ((rows * ff // 8 + 127) // 128, 1, 1), 128, 0, [self.multiply(x), p(gated), i32(ff), i32(rows)])


class Layer:
    def __init__(self):
        self.qkv, self.o = Weight(kv * (group + 2) * d, hidden), Weight(hidden, kv * group * d)
        self.gate_up, self.down = Weight(2 * ff, hidden), Weight(hidden, ff)
        self.norms = [check.rand(hidden, dtype=torch.float32) for _ in range(2)]


model = [Layer() for _ in range(layers)]
contexts = [options.context + i % 7 for i in range(rows)]
cache = check.Cache(sum((c + 63) // 64 for c in contexts) + 1, layers, kv, d)
cache.data.normal_()
tables, page = [], 0
for context in contexts:
    count = (context + 63) // 64
    tables.append(list(range(page, page + count)))
    page += count
items, pages, slots_count = check.decode_lists(contexts, tables)
header = torch.tensor([items.shape[0]], dtype=torch.int32, device=DEV)
head_tiles = (group + 7) // 8
attention_partials = torch.zeros(slots_count, kv * head_tiles, 8, d + 4, device=DEV)
groups, stages, shared = check.decode_ring(2 * 64 * d * 2)
positions = torch.tensor([c - 1 for c in contexts], dtype=torch.int32, device=DEV)
slots = torch.tensor([t[-1] * 64 + (c - 1) % 64 for t, c in zip(tables, contexts)], dtype=torch.int32, device=DEV)
rotary, bias = check.rand(4096, d, dtype=torch.float32), check.rand(kv * (group + 2) * d)
residual = check.rand(rows, hidden, dtype=torch.float32)
normed, gated = torch.zeros(rows, hidden, dtype=torch.bfloat16, device=DEV), torch.zeros(rows, ff, dtype=torch.bfloat16, device=DEV)
qkv = torch.zeros(rows, kv, group + 2, d, dtype=torch.bfloat16, device=DEV)
attended = torch.zeros(rows, kv * group * d, dtype=torch.bfloat16, device=DEV)


def norm(sums, weight):
    K.launch("norm", "add_rms_norm_sums", (4 * rows, 1, 1), 256, 128, [sums, p(residual), p(weight), f32(1e-6), p(normed), i32(hidden), i32(hidden)])


def step():
    sums = model[-1].down.multiply(gated)
    for i, layer in enumerate(model):
        norm(sums, layer.norms[0])
        sums = layer.qkv.multiply(normed, bias)
        heads = structure("HeadsWork", qkv=qkv, query_norm=None, key_norm=None, rotary=rotary, positions=positions, slots=slots, base=cache.base(i),
                          stride=u64(cache.stride), rows=rows, kv=kv, group=group, pairs=d // 2, rotary_pitch=d, flags=2 | 4, epsilon=f32(1e-6))
        K.launch("heads", "heads_sums", ((rows * kv * (group + 2) * d // 8 + 127) // 128, 1, 1), 128, 0, [heads, sums], d)
        attention = structure("DecodeWork", qkv=qkv, header=header, items=items, pages=pages, base=cache.base(i), stride=u64(cache.stride),
                              partial=attention_partials, y=attended, kv=kv, group=group, tiles=head_tiles, scale=f32(d**-0.5 * math.log2(math.e)),
                              stages=stages, items_max=items.shape[0])
        K.launch("decode_attention", "decode_attention", (sms, 1, 1), groups * (d + 32), shared, [attention], d)
        norm(layer.o.multiply(attended), layer.norms[1])
        layer.gate_up.multiply_and_gate(normed)
        sums = layer.down.multiply(gated)


step()
K.synchronize()
if options.emulate:
    print("ran")
    sys.exit()
stream = torch.cuda.Stream()
with torch.cuda.stream(stream):
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        step()
    start, end = torch.cuda.Event(True), torch.cuda.Event(True)
    for _ in range(5):
        start.record()
        for _ in range(100):
            graph.replay()
        end.record()
        end.synchronize()
        print(f"{start.elapsed_time(end) * 10 / layers:.1f} us a layer, with {1 / layers:.2f} of a down besides; {torch.cuda.get_device_name()}", flush=True)

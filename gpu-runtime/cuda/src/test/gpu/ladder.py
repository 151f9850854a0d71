"""The numerical ladder: our logits and our single layers, and those of transformers in bf16, against transformers in float32 on the same weights.

    millrace convert --random 1 --config qwen2.5-7b --output WORKSPACE
    ladder.py truth   WORKSPACE qwen2.5-7b FOLDER [--device cuda] [--prompts 4] [--tokens 128]
    java ... dev.millrace.cuda.ProbeMain cuda WORKSPACE FOLDER
    ladder.py compare WORKSPACE qwen2.5-7b FOLDER [--jsonl OUT] [--commit ID]

A model is named as `convert --config` knows it, or by its config.json.

`truth` takes the weights out of the workspace, runs the model in float32 (no TF32), keeps every layer's inputs, then runs the same weights in bf16:
once through (logits) and once with float32's hidden states put before every layer (each layer alone). `compare` holds ours against both and ends with
status 1 if a gate fails: logits' error at most 1.3 times that of bf16; each layer's error at most 3 %, and at most 1.3 times that of bf16.

Errors are ||found - float32|| / ||float32||. A layer's is given for its output, most of which is what came in, and for what it adds."""
import argparse
import datetime
import json
import subprocess
import time
from pathlib import Path

import numpy as np
import torch

from workspace import Workspace

LOGITS_RATIO_MAX = 1.3
LAYER_ERROR_MAX = 0.03
LAYER_RATIO_MAX = 1.3
SHAPES = "converter/src/main/resources/dev/millrace/converter/read/shapes.json"


def config_of(model):
    if Path(model).is_file():
        return json.loads(Path(model).read_text())
    here = Path(__file__).resolve().parent
    shapes = next(f for f in (here / "shapes.json", *(folder / SHAPES for folder in here.parents)) if f.is_file())
    return json.loads(shapes.read_text())[model]


def model_on(device, config_name, workspace):
    from transformers import AutoConfig, AutoModelForCausalLM
    values = config_of(config_name)
    rotary = {"rope_type": "default", "rope_theta": values.get("rope_theta"), **(values.get("rope_parameters") or {})}
    values.update(rope_theta=rotary["rope_theta"], rope_parameters=rotary)  # transformers 4 reads the one, 5 the other
    config = AutoConfig.for_model(values.pop("model_type"), **values)
    config._attn_implementation = "eager"
    torch.set_default_dtype(torch.float32)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    parameters = dict(model.named_parameters())
    left = set(parameters)
    with torch.no_grad():
        for name, tensor in workspace.tensors(config.intermediate_size, device):
            assert parameters[name].shape == tensor.shape, (name, parameters[name].shape, tensor.shape)
            parameters[name].copy_(tensor)
            left.discard(name)
    assert not left - {"lm_head.weight"} and (not left or config.tie_word_embeddings), left
    frequencies = torch.tensor(workspace.manifest["layers"][0]["attention"]["rotary"]["inverseFrequencies"])
    assert torch.allclose(model.model.rotary_emb.inv_freq.float().cpu(), frequencies, rtol=1e-6), "another rotation"
    return model


def hidden_of(arguments, keywords):
    return arguments[0] if arguments else keywords["hidden_states"]


def first(output):
    return output[0] if isinstance(output, tuple) else output


def run(model, prompts):
    with torch.no_grad():
        return model(input_ids=prompts, use_cache=False).logits.float().cpu().numpy()


def truth(options):
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(options.workspace)
    start = time.time()
    model = model_on(options.device, options.config, workspace)
    print(f"float32 model on {options.device}: {time.time() - start:.1f} s", flush=True)
    generator = torch.Generator().manual_seed(20261125)
    vocabulary = workspace.manifest["shape"]["vocabularySize"]
    prompts = torch.randint(0, vocabulary, (options.prompts, options.tokens), generator=generator)
    (folder / "prompts.json").write_text(json.dumps(prompts.tolist()))
    prompts = prompts.to(options.device)
    layers = model.model.layers

    inputs, outputs, hooks = [None] * (len(layers) + 1), [None] * len(layers), []
    for i, layer in enumerate(layers):
        hooks.append(layer.register_forward_pre_hook(lambda m, a, k, i=i: inputs.__setitem__(i, hidden_of(a, k).clone()), with_kwargs=True))
        hooks.append(layer.register_forward_hook(lambda m, a, o, i=i: inputs.__setitem__(i + 1, first(o).clone())))
    logits = run(model, prompts)
    logits.tofile(folder / "float32-logits.f32")
    for hook in hooks:
        hook.remove()
    with open(folder / "hidden.f32", "wb") as out:
        for hidden in inputs:
            hidden.float().cpu().numpy().tofile(out)

    # The yardstick: the same weights, as they are, in bf16. Frequencies stay float32, as transformers keeps them.
    for parameter in model.parameters():
        parameter.data = parameter.data.to(torch.bfloat16)
    model.config._attn_implementation = "sdpa"
    run(model, prompts).tofile(folder / "bf16-logits.f32")

    def put(module, arguments, keywords, i):
        hidden = inputs[i].to(torch.bfloat16)
        if arguments:
            return (hidden, *arguments[1:]), keywords
        return arguments, {**keywords, "hidden_states": hidden}

    for i, layer in enumerate(layers):
        layer.register_forward_pre_hook(lambda m, a, k, i=i: put(m, a, k, i), with_kwargs=True)
        layer.register_forward_hook(lambda m, a, o, i=i: outputs.__setitem__(i, first(o).float().cpu().numpy()))
    run(model, prompts)
    with open(folder / "bf16-layers.f32", "wb") as out:
        for output in outputs:
            output.tofile(out)
    print(f"truth in {folder}: {time.time() - start:.1f} s", flush=True)


def relative(found, expected, against=None):
    against = expected if against is None else against
    return float(np.linalg.norm(found - expected) / np.linalg.norm(against))


def logits_report(folder, shape):
    def load(name):
        return np.fromfile(folder / name, np.float32).reshape(shape)

    expected = load("float32-logits.f32")
    best = expected.argmax(-1)
    report = {}
    for name in ("ours", "bf16"):
        found = load(f"{name}-logits.f32")
        rows = np.linalg.norm(found - expected, axis=-1) / np.linalg.norm(expected, axis=-1)
        cosine = (found * expected).sum(-1) / np.linalg.norm(found, axis=-1) / np.linalg.norm(expected, axis=-1)
        found_best = np.take_along_axis(found, best[..., None], -1)[..., 0] - logsumexp(found)
        expected_best = np.take_along_axis(expected, best[..., None], -1)[..., 0] - logsumexp(expected)
        report[name] = {"error": relative(found, expected), "error_prefill": relative(found[:, :-1], expected[:, :-1]),
                        "error_decode": relative(found[:, -1], expected[:, -1]), "row_error_max": float(rows.max()),
                        "cosine_min": float(cosine.min()), "max_abs": float(np.abs(found - expected).max()),
                        "top1_logprob_error_max": float(np.abs(found_best - expected_best).max()),
                        "top1_same": float((found.argmax(-1) == best).mean())}
    return report


def logsumexp(x):
    top = x.max(-1, keepdims=True)
    return np.log(np.exp((x - top).astype(np.float64)).sum(-1)) + top[..., 0]


def layer_reports(folder, layers, rows, hidden):
    inputs = np.memmap(folder / "hidden.f32", np.float32, "r", shape=(layers + 1, *rows, hidden))
    for i in range(layers):
        before, expected = np.array(inputs[i]), np.array(inputs[i + 1])
        added = expected - before
        report = {"layer": i}
        for name in ("ours", "bf16"):
            found = np.memmap(folder / f"{name}-layers.f32", np.float32, "r", shape=(layers, *rows, hidden))[i]
            row_errors = np.linalg.norm(found - expected, axis=-1) / np.linalg.norm(expected, axis=-1)
            report[name] = {"error": relative(found, expected), "row_error_max": float(row_errors.max()),
                            "error_added": relative(found, expected, added),
                            "error_added_decode": relative(found[:, -1], expected[:, -1], added[:, -1])}
        yield report


def device_facts():
    try:
        line = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"], capture_output=True, text=True, check=True)
        name, driver = line.stdout.splitlines()[0].split(", ")
        return {"device": name, "driver": driver}
    except (OSError, subprocess.CalledProcessError):
        return {"device": "cpu", "driver": ""}


def compare(options):
    folder = Path(options.folder)
    prompts = json.loads((folder / "prompts.json").read_text())
    workspace = Workspace(options.workspace)
    shape = workspace.manifest["shape"]
    rows = (len(prompts), len(prompts[0]))
    facts = {"date": datetime.date.today().isoformat(), "commit": options.commit, **device_facts(), "engine": "millrace", "model": options.name}
    lines, failed = [], []

    report = logits_report(folder, (*rows, shape["vocabularySize"]))
    ratio = report["ours"]["error"] / report["bf16"]["error"]
    lines.append({**facts, "check": "logits", "tokens": rows[0] * rows[1], "ratio": ratio, **report})
    if not ratio <= LOGITS_RATIO_MAX:
        failed.append(f"logits: {ratio:.2f} times the error of bf16")
    layers = list(layer_reports(folder, len(workspace.manifest["layers"]), rows, shape["hiddenSize"]))
    for layer in layers:
        ratio = layer["ours"]["error_added"] / layer["bf16"]["error_added"]
        lines.append({**facts, "check": "layer", "ratio": ratio, **layer})
        if not layer["ours"]["error"] <= LAYER_ERROR_MAX or not ratio <= LAYER_RATIO_MAX:
            failed.append(f"layer {layer['layer']}: error {layer['ours']['error']:.4f}, {ratio:.2f} times that of bf16")
    if options.jsonl:
        with open(options.jsonl, "a") as out:
            out.writelines(json.dumps(line) + "\n" for line in lines)

    print(f"{'':12} {'ours':>10} {'bf16':>10}   against float32, {rows[0]} x {rows[1]} tokens, {options.name}")
    for key in report["ours"]:
        print(f"logits {key:24} {report['ours'][key]:10.5f} {report['bf16'][key]:10.5f}")
    for key in ("error", "row_error_max", "error_added", "error_added_decode"):
        worst = [max(layer[name][key] for layer in layers) for name in ("ours", "bf16")]
        print(f"worst layer {key:19} {worst[0]:10.5f} {worst[1]:10.5f}")
    for line in failed:
        print("FAILED", line)
    print("VERDICT", "FAILED" if failed else "ok", f"logits ratio {lines[0]['ratio']:.3f}, worst layer ratio {max(x['ratio'] for x in lines[1:]):.3f}")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("phase", choices=["truth", "compare"])
    parser.add_argument("workspace")
    parser.add_argument("config")
    parser.add_argument("folder")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--prompts", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--jsonl")
    parser.add_argument("--commit", default="")
    parser.add_argument("--name", help="of the model in results; default: as given")
    options = parser.parse_args()
    options.name = options.name or options.config
    raise SystemExit(truth(options) if options.phase == "truth" else compare(options))


if __name__ == "__main__":
    main()

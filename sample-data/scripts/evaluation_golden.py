"""Log-likelihoods of multiple choice and perplexity on the sample model, by transformers in float32.

    python evaluation_golden.py

Writes golden/evaluation-tiny-qwen2.5.json: for the first 20 rows of arc, piqa, siqa and winogrande the
log-likelihood of each choice (prompt and choice encoded as one text, as lm-evaluation-harness does; for winogrande
that of what follows the blank, after each name), and for the
first two articles of wikitext.txt the summed log-likelihood over windows of 256 tokens that share one. Prompts are
built here from the data and what the tasks' YAML files say. Made with transformers 4.57.1, torch 2.9.1, CPU.
"""
import json
import pathlib
import re

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import Qwen2Config, Qwen2ForCausalLM

root = pathlib.Path(__file__).parent.parent
folder = root / "models/tiny-qwen2.5"
tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
config = json.loads((folder / "config.json").read_text())
config["rope_theta"] = config.get("rope_theta") or config["rope_parameters"]["rope_theta"]
model = Qwen2ForCausalLM(Qwen2Config(**config)).float().eval()
state = {name: value.float() for name, value in load_file(folder / "model.safetensors").items()}
assert not model.load_state_dict(state, strict=False).unexpected_keys
model.tie_weights()
torch.set_num_threads(1)


def logprobs(ids):
    with torch.no_grad():
        scores = torch.log_softmax(model(torch.tensor([ids])).logits[0].double(), -1)
    return [scores[i - 1, ids[i]].item() for i in range(1, len(ids))]  # of ids[1:]


def choice(prompt, text):
    whole, context = tokenizer.encode(prompt + text).ids, tokenizer.encode(prompt).ids
    assert whole[: len(context)] == context
    return sum(logprobs(whole)[len(context) - 1 :])


ANSWER = r"Answer\d: ?(.*?)(?= ?Answer\d:|\n\nAnswer format)"
TASKS = {
    "arc": (r"question: (.*?)\n\nAnswer1:", ANSWER, "Question: {}\nAnswer:"),
    "siqa": (r"question: (.*?)\n\nAnswer1:", ANSWER, "Question: {}\nAnswer:"),
    "piqa": (
        r"question: (.*?)\n\nSolution1:",
        r"Solution\d: ?(.*?)(?=\n\nSolution\d:|\n+Answer format)",
        "Question: {}\nAnswer:",
    ),
}
golden = {}
for name, (question, options, form) in TASKS.items():
    rows = [json.loads(line) for line in (root / f"evaluation/{name}.jsonl").open(encoding="utf-8")][:20]
    golden[name] = []
    for row in rows:
        prompt = form.format(re.search(question, row["instruction"], re.S)[1])
        texts = re.findall(options, row["instruction"], re.S)
        golden[name].append([choice(prompt, " " + text) for text in texts])
OPTION = r"Option\d: ?(.*?)(?= Option\d:| ?\n*Answer format)"
golden["winogrande"] = []
for line in (root / "evaluation/winogrande.jsonl").read_text(encoding="utf-8").splitlines()[:20]:
    instruction = json.loads(line)["instruction"]
    before, after = re.search(r"sentence: (.*?)\n\nOption1:", instruction, re.S)[1].split("_", 1)
    texts = re.findall(OPTION, instruction, re.S)
    golden["winogrande"].append([choice(before + text, " " + after.strip()) for text in texts])
text = (root / "evaluation/wikitext.txt").read_text(encoding="utf-8")
articles = [a for a in re.split(r"(?m)^(?= = [^=\n]+ = ?$)", text) if a.strip()]
golden["wikitext"] = []
for article in articles[:2]:
    ids, total, start = tokenizer.encode(article).ids, 0.0, 0
    while start < len(ids) - 1:
        total += sum(logprobs(ids[start : start + 256]))  # the first one of a window is context
        start += 255
    golden["wikitext"].append({"log_likelihood": total, "tokens": len(ids) - 1})
(root / "golden/evaluation-tiny-qwen2.5.json").write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")

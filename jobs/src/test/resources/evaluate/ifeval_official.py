"""Compares IFEval's checks with the authors' program, as lm-evaluation-harness ships it.

    pip install langdetect immutabledict nltk packaging
    python ifeval_official.py HARNESS IFEVAL_JSONL NIGHT_FOLDER...    (the answers of nights)
    python ifeval_official.py HARNESS --cases                        (the cases of InstructionCheckTest)

HARNESS is a folder with the unpacked package lm_eval (0.4.13 was used; none of it is imported but
lm_eval/tasks/ifeval). IFEVAL_JSONL is the data set. Sentences are counted by NLTK's punkt_tab; where that is not
installed, that check is left out and said so. What differs is printed by kind of instruction; the two kinds whose
definition is ours (docs/evaluation.md) and what needs a guess of the language are counted apart.
"""
import collections
import json
import pathlib
import sys
import types

harness = pathlib.Path(sys.argv[1])
for name in ("lm_eval", "lm_eval.tasks", "lm_eval.tasks.ifeval"):  # packages without their __init__
    module = types.ModuleType(name)
    module.__path__ = [str(harness / name.replace(".", "/"))]
    sys.modules[name] = module
import nltk  # noqa: E402

try:
    nltk.data.find("tokenizers/punkt_tab")
    sentences = True
except LookupError:
    sentences = False
    nltk.download = lambda *a, **k: False  # asks no network
import langdetect  # noqa: E402
from lm_eval.tasks.ifeval import instructions_registry  # noqa: E402

langdetect.DetectorFactory.seed = 0
OURS = {
    "length_constraints:number_sentences",
    "change_case:capital_word_frequency",
    "change_case:english_capital",
    "change_case:english_lowercase",
    "language:response_language",
}
counts = collections.defaultdict(lambda: [0, 0])
left_out = collections.Counter()


def official(id, kwargs, prompt, text):
    """Whether a text follows, as the authors' test_instruction_following_strict has it; None if it cannot be told."""
    if id == "length_constraints:number_sentences" and not sentences:
        left_out[id + ": punkt_tab is not installed"] += 1
        return None
    letter = kwargs.get("letter")
    if letter and not "a" <= letter.lower() <= "z":
        left_out[f"{id} of {letter}: the authors' program counts a letter drawn at random"] += 1
        return None
    check = instructions_registry.INSTRUCTION_DICT[id](id)
    check.build_description(**{k: v for k, v in kwargs.items() if v})
    arguments = check.get_instruction_args()
    if arguments and "prompt" in arguments:
        check.build_description(prompt=prompt)
    try:
        return bool(text.strip() and check.check_following(text))
    except Exception as e:  # the authors' program fails on it: there is nothing to compare with
        left_out[f"{id}: {type(e).__name__} in the authors' program"] += 1
        return None


def note(id, expected, found, what):
    if expected is None:
        return
    counts[id][0] += 1
    if expected != found:
        counts[id][1] += 1
        print("DIFFERENT", id, "authors:", expected, "here:", found, what[:160].encode("ascii", "backslashreplace"))


def variants(text):
    lines = text.split("\n")
    plain = [text, "\n".join(lines[1:]).strip(), "\n".join(lines[:-1]).strip(), "\n".join(lines[1:-1]).strip()]
    return plain + [p.replace("*", "") for p in plain]


def nights(data, folders):
    rows = {str(r["key"]): r for r in map(json.loads, open(data, encoding="utf-8"))}
    for file in (f for folder in folders for f in pathlib.Path(folder).glob("samples/*/*ifeval.jsonl")):
        for sample in map(json.loads, file.open(encoding="utf-8")):
            if sample["failure"] is not None:
                continue
            row, text = rows[sample["row_id"]], sample["answers"][0]
            pairs = list(zip(row["instruction_id_list"], row["kwargs"]))
            known = all(official(i, k, row["prompt"], text) is not None for i, k in pairs)
            if not known:
                continue  # counted above
            for word, texts in (("strict", [text]), ("loose", variants(text))):
                kept = [any(official(i, k, row["prompt"], t) for t in texts) for i, k in pairs]
                which = pairs[0][0] if len(pairs) == 1 else "rows of several instructions"
                note(which, sum(kept), sample["metrics"][f"inst_level_{word}"], text)
                note(which, float(all(kept)), sample["metrics"][f"prompt_level_{word}"], text)


def cases():
    file = pathlib.Path(__file__).parent / "ifeval-cases.jsonl"
    for case in map(json.loads, file.open(encoding="utf-8")):
        expected = official(case["id"], case["kwargs"], case["kwargs"].get("prompt_to_repeat"), case["text"])
        note(case["id"], expected, case["follows"], case["text"])


if sys.argv[2] == "--cases":
    cases()
else:
    nights(sys.argv[2], sys.argv[3:])
for id, (checked, different) in sorted(counts.items()):
    print(f"{checked:6} checked {different:4} different  {id}{'  (defined here)' if id in OURS else ''}")
for why, count in sorted(left_out.items()):
    print(f"{count:6} left out: {why}")
unexpected = sum(d for id, (_, d) in counts.items() if id not in OURS)
print(f"{sum(c for c, _ in counts.values())} figures, {unexpected} differences beside what is defined here")
sys.exit(1 if unexpected else 0)

"""Scores the samples of a night anew, from its sample files alone, and compares with what it says.

    python recompute.py NIGHT_FOLDER [--absolute A] [--relative R] [--ifeval input_data.jsonl]
    python recompute.py --ifeval-cases ifeval-cases.jsonl    (writes the cases of InstructionCheckTest)

Written apart from the Java code and after the published rules. Exact match, numeric, F1, multiple choice (raw, per
character, byte and token), perplexities and IFEval's checks are computed per sample and per task; the number of
differences must be 0. Needs no library. --absolute and --relative are the tolerances of `numeric`; IFEval's rows are
those of sample-data/evaluation unless named.
"""
import json
import math
import pathlib
import re
import string
import sys

data = pathlib.Path(__file__).parents[5] / "sample-data/evaluation"
ifeval_rows = {str(r["key"]): r for r in map(json.loads, (data / "ifeval.jsonl").open(encoding="utf-8"))}


def thousands(text):
    return re.sub(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))", "", text)


def exact(text, task):
    text = text.strip()
    if task == "gsm8k":
        text = thousands(text)
        for sign in "$€£":
            text = text.replace(sign, "")
        text = text[:-1] if text.endswith(".") else text
    return text


def squad(text):
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def f1(found, target):
    a, b = squad(found), squad(target)
    if not a or not b:
        return float(a == b)
    common = sum(min(a.count(w), b.count(w)) for w in set(a))
    return 0.0 if common == 0 else 2 * (common / len(a)) * (common / len(b)) / (common / len(a) + common / len(b))


def number(text):
    """The value of a text that is a number, a share in percent too, without commas and dollar signs; else None."""
    text = text.strip().replace(",", "").replace("$", "")
    share, text = text.endswith("%"), text.removesuffix("%")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
        return None
    return float(text) / 100 if share else float(text)


def numeric(found, target):
    a, b = number(found), number(target)
    return 0.0 if a is None or b is None else float(abs(a - b) <= max(absolute, relative * abs(b)))


def argmax(values):
    return max(range(len(values)), key=lambda i: (values[i], -i))


def relation(name, found, wanted):
    return found < wanted if name == "less than" else found >= wanted


def split_sentences(text):
    return [p for p in re.split(r"(?<=[.!?])\s+", text.strip()) if any(c.isalnum() for c in p)]


def first_word_ok(text, k):
    paragraphs = [p.strip() for p in text.split("\n\n") if p.strip()]
    if len(paragraphs) != k["num_paragraphs"] or not 1 <= k["nth_paragraph"] <= len(paragraphs):
        return False
    words = re.findall(r"[\w-]+", paragraphs[k["nth_paragraph"] - 1].split()[0].lower())
    return bool(words) and words[0] == k["first_word"].lower()


def paragraphs_ok(text, k):
    parts = re.split(r"\s?\*\*\*\s?", text)
    if any(not p.strip() for p in parts[1:-1]):
        return False
    return sum(1 for p in parts if p.strip()) == k["num_paragraphs"]


def highlights(text):
    return sum(
        1
        for pattern in (r"\*[^\n\*]*\*", r"\*\*[^\n\*]*\*\*")
        for m in re.findall(pattern, text)
        if m.replace("*", "").strip()
    )


def is_json(text):
    text = text.strip()
    for fence in ("```json", "```Json", "```JSON", "```"):
        text = text.removeprefix(fence)
    try:
        json.loads(text.removesuffix("```").strip())
        return True
    except ValueError:
        return False


def two_responses(text):
    parts = text.split("******")
    if any(not p.strip() for p in parts[1:-1]):
        return False
    valid = [p.strip() for p in parts if p.strip()]
    return len(valid) == 2 and valid[0] != valid[1]


def postscript(text, marker):
    pattern = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}.get(marker, re.escape(marker.lower()))
    return re.search(pattern, text.lower()) is not None


def follows(id, k, text):
    """None where a check needs to know the language, which no library here tells."""
    if not text.strip():
        return False
    name = id.split(":")[1]
    if name == "no_comma":
        return "," not in text
    if name == "number_words":
        return relation(k["relation"], len(re.findall(r"\w+", text)), k["num_words"])
    if name == "number_sentences":
        return relation(k["relation"], len(split_sentences(text)), k["num_sentences"])
    if name == "number_paragraphs":
        return paragraphs_ok(text, k)
    if name == "nth_paragraph_first_word":
        return first_word_ok(text, k)
    if name == "number_highlighted_sections":
        return highlights(text) >= k["num_highlights"]
    if name == "number_bullet_lists":
        return len(re.findall(r"^[ \t\r\f\v]*(?:\*[^*\n]|-)", text, re.M)) == k["num_bullets"]
    if name == "title":
        return any(m.strip("<>").strip() for m in re.findall(r"<<[^\n]+>>", text))
    if name == "json_format":
        return is_json(text)
    if name == "multiple_sections":
        found = re.findall(r"\s?" + re.escape(k["section_spliter"].strip()) + r"\s?\d+\s?", text)
        return len(found) >= k["num_sections"]
    if name == "constrained_response":
        return any(f"My answer is {a}." in text for a in ("yes", "no", "maybe"))
    if name == "number_placeholders":
        return len(re.findall(r"\[.*?\]", text)) >= k["num_placeholders"]
    if name == "postscript":
        return postscript(text, k["postscript_marker"])
    if name == "existence":
        return all(w.lower() in text.lower() for w in k["keywords"])
    if name == "forbidden_words":
        return not any(re.search(r"\b" + re.escape(w) + r"\b", text, re.I) for w in k["forbidden_words"])
    if name == "frequency":
        return relation(k["relation"], text.lower().count(k["keyword"].strip().lower()), k["frequency"])
    if name == "letter_frequency":
        return relation(k["let_relation"], text.lower().count(k["letter"].lower()), k["let_frequency"])
    if name == "two_responses":
        return two_responses(text)
    if name == "repeat_prompt":
        return text.strip().lower().startswith(k["prompt_to_repeat"].strip().lower())
    if name == "end_checker":
        return text.strip().strip('"').lower().endswith(k["end_phrase"].strip().lower())
    if name == "quotation":
        return len(text.strip()) > 1 and text.strip()[0] == text.strip()[-1] == '"'
    if name == "capital_word_frequency":
        words = [w for w in re.findall(r"\w+(?:['’-]\w+)*", text) if w.isupper()]
        return relation(k["capital_relation"], len(words), k["capital_frequency"])
    if name == "english_capital":
        return None if text.isupper() else False
    if name == "english_lowercase":
        return None if text.islower() else False
    if name == "response_language":
        return None
    raise ValueError(id)


def variants(text):
    lines = text.split("\n")
    plain = [text, "\n".join(lines[1:]).strip(), "\n".join(lines[:-1]).strip(), "\n".join(lines[1:-1]).strip()]
    return plain + [p.replace("*", "") for p in plain]


def any_follows(id, kwargs, texts):
    results = [follows(id, kwargs, t) for t in texts]
    return True if True in results else None if None in results else False


def ifeval(sample):
    row = ifeval_rows[sample["row_id"]]
    pairs = list(zip(row["instruction_id_list"], row["kwargs"]))
    text = sample["answers"][0]
    strict = [follows(i, k, text) for i, k in pairs]
    loose = [any_follows(i, k, variants(text)) for i, k in pairs]
    out = {}
    for word, results in (("strict", strict), ("loose", loose)):
        if None not in results:
            out[f"inst_level_{word}"] = float(sum(results))
            out[f"prompt_level_{word}"] = float(all(results))
    return out


def choices(sample):
    scored = sample["choices"]
    texts = [c["text"].encode()[-c["bytes"]:].decode() for c in scored]
    divisors = {
        "acc": [1] * len(scored),
        "acc_norm": [len(t) for t in texts],
        "acc_bytes": [len(t.encode()) for t in texts],
        "acc_tokens": [c["tokens"] for c in scored],
    }
    return {
        name: float(argmax([c["log_likelihood"] / d for c, d in zip(scored, by)]) == sample["target_index"])
        for name, by in divisors.items()
    }


def compare(night):
    checked = differences = unknown = 0
    result = json.loads((night / "night.json").read_text(encoding="utf-8"))
    for task in result["tasks"]:
        sums = {}
        for line in (night / task["samples_file"]).open(encoding="utf-8"):
            sample = json.loads(line)
            mine = {}
            if sample["failure"] is not None:
                mine = {} if task["request_type"] == "perplexity" else {n: 0.0 for n in sample["metrics"]}
            elif task["request_type"] == "multiple_choice":
                mine = choices(sample)
            elif task["task"] == "ifeval":
                mine = ifeval(sample)
            elif task["request_type"] == "generate":
                accepted = [sample["target"]] + sample["targets"]
                found = [e for e in sample["extracted"]]
                mean = lambda f: sum(max(f(e, t) for t in accepted) if e is not None else 0.0 for e in found) / len(found)
                mine["exact_match"] = mean(lambda e, t: float(exact(e, task["task"]) == exact(t, task["task"])))
                mine["f1"] = mean(f1)
                mine["numeric"] = mean(numeric)
            for name, value in sample["metrics"].items():
                weight = sample["weights"].get(name, 1.0)
                entry = sums.setdefault(name, [0.0, 0.0])
                entry[0] += value
                entry[1] += weight
                if task["request_type"] == "perplexity":
                    continue
                if name not in mine:
                    unknown += 1
                    continue
                checked += 1
                if abs(mine[name] - value) > 1e-12:
                    differences += 1
                    print("DIFFERENT", task["task"], sample["row_id"], name, mine[name], value)
        for metric in [task["metric"]] + task["other_metrics"]:
            value, weight = sums[metric["name"]]
            score = math.exp(-value / weight) if task["request_type"] == "perplexity" else value / weight
            checked += 1
            if abs(score - metric["score"]) > 1e-9 * max(1.0, abs(score)):
                differences += 1
                print("DIFFERENT", task["task"], metric["name"], score, metric["score"])
    print(f"{checked} figures checked, {differences} differences; {unknown} need a language and were left out")
    return 1 if differences else 0


TEXTS = [
    "", "Yes, it is.", "no comma here\n\nsecond paragraph\n\nThird one. Two sentences!", "HELLO WORLD IT IS", "the quiet cat is here and it sits",
    "* one\n* two\n- three\n  - four", "*a* **b** *c* ** ** **", "<<A title>>\ntext", "<<>>", "{\"a\": [1, 2]}", "```json\n{\"a\": 1}\n```", "{'a': 1}",
    "SECTION 1\nx\nSECTION 2\ny", "Section 1 a Section 2 b Section 3", "My answer is yes.", "[name] and [address] and [", "Text.\nP.S. more", "x p.p.s y", "P. P. S. z",
    "first ****** second", "same ****** same", "a ****** ****** b", "\"quoted\"", "\"half", "one *** two *** three", "*** one *** two", "one *** *** two",
    "Weekend starts.\n\nThen Monday.", "\u201cWeekend\u201d is here\n\nnow", "Sherlock-Holmes USA NATO it's IT'S e.g. Dr. Who", "Peace!", "He said. She said? They said! No end",
    "\u00e9t\u00e9 \u00c9T\u00c9 na\u00efve \u4f60\u597d 123", "rock and ROCK and rocket, thanks", "Is there anything else I can help with?", "\"Is there anything else I can help with?\"  ",
    "a\n\n\n\nb", "[a] [b]\n* x\n* y\n SECTION 1 SECTION 2 PARAGRAPH 1 PARAGRAPH 2 Section 1, Section 2", "word " * 100, "Sentence one. " * 25, "line one\nline two, with comma\nline three", "*starred line*\nbody\n*end*",
]


def cases(out):
    """Writes every kind of instruction of the sample with texts and whether they follow, for the Java test."""
    pairs = {}
    for row in ifeval_rows.values():
        for id, kwargs in zip(row["instruction_id_list"], row["kwargs"]):
            pairs.setdefault(id, []).append(kwargs)
    with open(out, "w", encoding="utf-8") as file:
        for id, several in sorted(pairs.items()):
            small = [{k: min(v, 2) if isinstance(v, int) else v for k, v in one.items()} for one in several[:2]]
            for kwargs in several[:1] + small:
                own = [str(v) for v in kwargs.values()] + [" ".join(v) for v in kwargs.values() if isinstance(v, list)]
                for text in TEXTS + own:
                    result = follows(id, kwargs, text)
                    if result is not None:
                        case = {"id": id, "kwargs": kwargs, "text": text, "follows": result}
                        file.write(json.dumps(case, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    if sys.argv[1] == "--ifeval-cases":
        cases(sys.argv[2])
    else:
        given = dict(zip(sys.argv[2::2], sys.argv[3::2]))
        if "--ifeval" in given:
            rows = map(json.loads, open(given["--ifeval"], encoding="utf-8"))
            ifeval_rows = {str(r["key"]): r for r in rows}
        absolute, relative = float(given.get("--absolute", 0)), float(given.get("--relative", 0))
        sys.exit(compare(pathlib.Path(sys.argv[1])))

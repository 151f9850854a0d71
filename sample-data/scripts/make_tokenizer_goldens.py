"""Writes golden/tokenizer-NAME.jsonl: ids and decoded text as Hugging Face tokenizers gives them, for awkward text.

Needs: tokenizers==0.22.2. Usage (in sample-data): scripts/make_tokenizer_goldens.py
Lines with "text": {"text", "ids", "decoded", "decoded_without_special" if not the same}; special tokens in the text are parsed, none are added. A long text
is written as {"repeat": [unit, count]} with {"length", "sha256"} of the ids as little-endian int32 in place of "ids".
Lines with "random_ids": ids drawn at random and how they decode, with and without special tokens.
"""

import hashlib
import json
import random
import struct
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

HERE = Path(__file__).resolve().parent.parent

WORDS = """I'm you're WE'LL they'VE he'd it's don'T O'Reilly 'S 'ſ rock'n'roll ' '' 's's l'été 're're ’s
Hello world! foo_bar fooBar FOOBar snake_case kebab-case a.b.c 1.2.3 v2.0-rc1 x=y+z; (a) [b] {c} <d> "e" `f` ~!@#$%^&*()
3.14159 1,234,567.89 0x1F 1e-10 ٠١٢٣٤٥ ०१२३ ๐๑๒ 一二三 Ⅷ ½ ② 〇 ¹²³ 𝟘𝟙𝟚 12345678901234567890
naïve café Ångström Å e\u0301 o\u0302\u0323 \u1100\u1161\u11a8 가 각 \u212b \u2126 ﬁ ﬀ ǆ ß ẞ İ ı ſ K \u0344 \u0958 \u2adc \U0001d15e
中文字符测试 日本語テキスト カタカナ ひらがな 한국어 텍스트 ภาษาไทย العربية עברית हिन्दी தமிழ் ελληνικά кириллица ქართული አማርኛ
😀 😀😁😂 👨‍👩‍👧‍👦 👍🏽 🇩🇪🇫🇷 ❤️ ☺︎ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 1️⃣ #️⃣ ©️ ™ 🧑‍🚀
\ufeffBOM zero\u200bwidth\u200djoin\u00adsoft \u202eRTL\u202c \u2028line\u2029para a\u00a0b a\u3000b a\u2003b a\u1680b a\u180eb
\u0378 \u0560 \u1c89 \ua7cb \U00010d4a \U0001e5d0 \U00011de0 \U00016d70 \U0001f6d8 \ue000 \uffff \U0010ffff \U000e0001 \U000f0000
a\u1df6\u0323\u0301 e\u08d3\u0301 \U000105d2\u0307 \U00016d67\U00016d67 \U00011935\U00011930 o\U0001e2ec\u0302 a\u0301\u1dfa\u0323 \u0378 a\u0301\u0323
""".strip("\n").split("\n")

SPACES = ["", " ", "  ", "   ", "\n", "\n\n", "\n\n\n", "\r\n", "\r\n\r\n", "\t", "\t\t", " \n", "\n ", " \n ", "  \n  \n  ", "a ", " a", "  a", "   a", "a  ", "a  b",
          "a   b", "a\nb", "a \nb", "a\n b", "a\n  b", "a\n\n  b", "a\t b", "a \tb", "a\r\nb", "a\r b", "a\n\n\n\nb", "x = 1\n\ty = 2\n\t\tz", "    def f():\n        pass\n\n\n", "a\u00a0\u00a0b",
          " \u00a0 a", "a \u3000 b", "\u2028\u2028a", "a\v\fb", "a\u0085b", "\u0085", "  !", "  1", "  中", "\n!", "\n1", "\t!", " !\n", "!\n\n", "!\r\n \n", "a!\n\n b", "!?\n", ". \n", "、\n", "1\n2", "  \n\n"]


def texts(specials):
    for line in WORDS:
        yield line
        yield from line.split(" ")
        yield line.replace(" ", "  ").upper()
    yield from SPACES
    for c in range(0x20):
        yield f"a{chr(c)}b{chr(c)}"
    yield "".join(map(chr, range(0x20, 0x250)))
    yield " ".join(map(chr, range(0xA0, 0x180)))
    for s in specials:
        yield from (s, f"a{s}b", f" {s} ", f"{s}{s}", s[:-1], s[1:], f"{s[:3]} {s[3:]}", s.upper(), f"\n{s}\n x", f"{s}'s", f"1{s}2")
    r = random.Random(7)
    pool = "aZ é'tsm1२ \t\n\r!-_.中あ한😀\u0301\u200d\u00a0ßſ" + "".join(map(chr, range(33, 127)))
    for n in (1, 2, 3, 5, 8, 13, 40, 90):
        for _ in range(6):
            yield "".join(r.choice(pool) for _ in range(n))


def repeats():
    return [("a", 10000), (" ", 5000), ("ab ", 3000), ("\n", 3000), ("é", 4000), ("中", 3000), ("😀", 2000), ("0123456789", 1000), ("The quick brown fox. ", 5000), ("-", 10000), ("aA1 ", 2500), ("x\n", 2000), ("<", 3000)]


def sha(ids):
    return hashlib.sha256(struct.pack(f"<{len(ids)}i", *ids)).hexdigest()


def decoded(tokenizer, ids):
    """The text with special tokens; without them too where that is another."""
    whole, without = tokenizer.decode(ids, skip_special_tokens=False), tokenizer.decode(ids)
    return {"decoded": whole} if whole == without else {"decoded": whole, "decoded_without_special": without}


def lines(tokenizer, random_sequences):
    specials = [t.content for t in tokenizer.get_added_tokens_decoder().values()][:6]
    seen = set()
    for text in texts(specials):
        if text in seen:
            continue
        seen.add(text)
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        yield {"text": text, "ids": ids} | decoded(tokenizer, ids)
    for unit, count in repeats():
        ids = tokenizer.encode(unit * count, add_special_tokens=False).ids
        yield {"repeat": [unit, count], "length": len(ids), "sha256": sha(ids)}
    r = random.Random(11)
    size = tokenizer.get_vocab_size()
    for i in range(random_sequences):
        ids = [r.randrange(size) for _ in range(1 + i % 24)]
        yield {"random_ids": ids} | decoded(tokenizer, ids)


def write(name, tokenizer):
    out = HERE / "golden" / f"tokenizer-{name}.jsonl"
    with out.open("w", encoding="utf-8") as f:
        for line in lines(tokenizer, 60):
            f.write(json.dumps(line, ensure_ascii=False) + "\n")
    print(out.name, out.stat().st_size)


def synthetic():
    """Small tokenizers for what the real ones do not use, each written to tokenizers/synthetic/NAME.json."""
    base = json.loads((HERE / "models/tiny-qwen2.5/tokenizer.json").read_text(encoding="utf-8"))
    vocab, merges = base["model"]["vocab"], [tuple(m) for m in base["model"]["merges"]]
    keep = {t for t, i in vocab.items() if i < 700}
    small = {t: i for i, t in enumerate(sorted(keep, key=vocab.get))}
    small_merges = [m for m in merges if m[0] in small and m[1] in small and m[0] + m[1] in small]

    def byte_level(pre, normalizer=None, **options):
        t = Tokenizer(models.BPE(small, small_merges, **options))
        t.pre_tokenizer = pre
        if normalizer:
            t.normalizer = normalizer
        t.decoder = decoders.ByteLevel()
        return t

    from tokenizers import Regex

    plain = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    split = lambda p, b, invert=False: pre_tokenizers.Sequence([pre_tokenizers.Split(p, b, invert), plain])
    llama3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    o200k = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
             r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
    deepseek = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"\p{N}{1,3}"), "isolated"),
        pre_tokenizers.Split(Regex("[一-龥\u3040-ゟ゠-ヿ]+"), "isolated"),
        pre_tokenizers.Split(Regex("[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"), "isolated"),
        plain])
    yield "llama3", byte_level(split(Regex(llama3), "isolated"), ignore_merges=True)
    yield "o200k", byte_level(split(Regex(o200k), "isolated"))
    yield "deepseek", byte_level(deepseek)
    yield "removed", byte_level(split(" ", "removed"))
    yield "merged-previous", byte_level(split(Regex(r"[\s!]"), "merged_with_previous"))
    yield "merged-next", byte_level(split(Regex(r"[\s!]"), "merged_with_next"))
    yield "contiguous", byte_level(split(Regex(r"[\s!]"), "contiguous"))
    yield "inverted", byte_level(split(Regex(r"\p{L}+"), "removed", True))
    yield "digit-runs", byte_level(pre_tokenizers.Sequence([pre_tokenizers.Digits(False), pre_tokenizers.ByteLevel(add_prefix_space=True)]))
    yield "nfkd-lower", byte_level(plain, normalizers.Sequence([normalizers.NFKD(), normalizers.Lowercase(), normalizers.Replace(Regex(r"\s+"), " ")]))
    flags = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False), normalizers.Lowercase())
    flags.add_special_tokens([AddedToken("<left>", lstrip=True), AddedToken("<right>", rstrip=True), AddedToken("<both>", lstrip=True, rstrip=True)])
    flags.add_tokens([AddedToken("Word", single_word=True, normalized=False), AddedToken("NORM", normalized=True), AddedToken("<ri", normalized=False), AddedToken("   ", normalized=False)])
    yield "flags", flags

    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)] + ["▁"] + list("abcdefghijklmnopqrstuvwxyzABHT.,!é")
    grown = ["▁a", "th", "▁th", "▁the", "he", "in", "▁▁", "▁▁▁▁", "ll", "▁H", "▁He"]
    sp_vocab = {p: i for i, p in enumerate(pieces + grown)}
    sp_merges = [("▁", "a"), ("t", "h"), ("▁", "th"), ("h", "e"), ("▁t", "he"), ("▁th", "e"), ("i", "n"), ("▁", "▁"), ("▁▁", "▁▁"), ("l", "l"), ("▁", "H"), ("▁H", "e")]
    sp_merges = [m for m in sp_merges if m[0] in sp_vocab and m[1] in sp_vocab]
    for name, scheme, cut in (("metaspace-first", "first", False), ("metaspace-always", "always", True), ("metaspace-never", "never", True)):
        t = Tokenizer(models.BPE(sp_vocab, sp_merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
        t.pre_tokenizer = pre_tokenizers.Metaspace("▁", scheme, cut)
        t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]) if not cut else decoders.Metaspace("▁", scheme)
        t.add_special_tokens(["<unk>", "<s>", "</s>"])
        yield name, t
    no_bytes = {p: i for p, i in sp_vocab.items() if not p.startswith("<0x")}
    no_bytes = {p: i for i, p in enumerate(no_bytes)}
    for name, fuse in (("unknown-fused", True), ("unknown-single", False)):
        t = Tokenizer(models.BPE(no_bytes, sp_merges, unk_token="<unk>", fuse_unk=fuse))
        t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
        t.add_special_tokens(["<unk>", "<s>", "</s>"])
        yield name, t


def synthetic_texts():
    for line in WORDS:
        yield line
    yield from SPACES
    yield from ["Hello the inn, all that  THE END!", "1234567 a12b3456789c", "The  the   thethe Hello", "a <left> b <right>  c  <both>  d", "Word Words aWord Word. WORD word", "NORM norm Norm",
                "<right> <ri ght> <left><left>", "x   y      z", "  <both><both>  ", "\u00c9COLE \u0130\u0131 \ufb01 \u212b", "<s>Hello</s>the", " <s> the", "x<s>", "éèé", "日本<s>語", "a日日本b"]


def main():
    for name in ("qwen3", "minimind"):
        write(name, Tokenizer.from_file(str(HERE / "tokenizers" / name / "tokenizer.json")))
    for name in ("tiny-qwen2.5", "stories260K"):
        write(name, Tokenizer.from_file(str(HERE / "models" / name / "tokenizer.json")))
    folder = HERE / "tokenizers" / "synthetic"
    folder.mkdir(exist_ok=True)
    with (HERE / "golden" / "tokenizer-synthetic.jsonl").open("w", encoding="utf-8") as f:
        for name, tokenizer in synthetic():
            (folder / f"{name}.json").write_text(tokenizer.to_str(), encoding="utf-8")
            tokenizer = Tokenizer.from_file(str(folder / f"{name}.json"))
            for text in dict.fromkeys(synthetic_texts()):
                if "\u0378" in text and name in ("nfkd-lower", "flags"):
                    continue  # lower case of characters that not every JDK knows
                ids = tokenizer.encode(text, add_special_tokens=False).ids
                f.write(json.dumps({"tokenizer": name, "text": text, "ids": ids} | decoded(tokenizer, ids), ensure_ascii=False) + "\n")
            r = random.Random(13)
            for i in range(20):
                ids = [r.randrange(tokenizer.get_vocab_size()) for _ in range(1 + i)]
                f.write(json.dumps({"tokenizer": name, "random_ids": ids} | decoded(tokenizer, ids), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

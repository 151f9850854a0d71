"""Writes the general categories that Hugging Face tokenizers (Oniguruma) sees, probed code point by code point.

The split patterns of tokenizer.json files speak of \\p{L}, \\p{N} and \\s. A JVM answers these by the Unicode version it was
built with (13 in Java 17), tokenizers by that of its regex library (16), so a table keeps ids equal on every JVM.

Needs: tokenizers==0.22.2. Usage: make_unicode_classes.py > unicode-classes.txt
One line a class: its name, then hexadecimal ranges, both ends included.
`Inert` are combining marks that the library's normalisers (Unicode 9) neither reorder nor compose; newer Unicode versions do some.
`White_Space` is what \\s matches, `Word` what \\w does; `Numeric` is Rust's char::is_numeric, which the Digits pre-tokenizer asks.
"""

from tokenizers import Regex, normalizers, pre_tokenizers

CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co".split()
POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
TEXT = "".join(map(chr, POINTS))


def matched(pattern):
    split = pre_tokenizers.Split(Regex(f"(?:{pattern})"), "removed", invert=True)
    return [POINTS[start] for _, (start, _) in split.pre_tokenize_str(TEXT)]


def numeric():
    digits = pre_tokenizers.Digits(individual_digits=False)
    return [c for c in POINTS if len(digits.pre_tokenize_str("a" + chr(c))) == 2]


# Letters outside of the mark categories that compose since Unicode 16.
NEWLY_COMPOSING = [0x105D2, 0x105DA, 0x16D63, 0x16D67]


def inert():
    nfc, nfd = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
    composing = {ord(part) for c in POINTS for part in nfd(chr(c)) if nfd(chr(c)) != chr(c)}

    def moves(c):
        above, below = "b" + chr(c) + "\u0323", "b\u030d" + chr(c)
        return nfc(above) != above or nfc(below) != below

    marks = [c for c in matched(r"\p{M}") if c not in composing and nfc(chr(c)) == chr(c) and not moves(c)]
    return sorted(marks + NEWLY_COMPOSING)


def ranges(points):
    start = last = points[0]
    for c in points[1:] + [None]:
        if c != last + 1:
            yield f"{start:x}" if start == last else f"{start:x}-{last:x}"
            start = c
        last = c


for name in CATEGORIES:
    print(name, *ranges(matched(rf"\p{{{name}}}")))
print("Inert", *ranges(inert()))
print("White_Space", *ranges(matched(r"\s")))
print("Word", *ranges(matched(r"\w")))
print("Numeric", *ranges(numeric()))

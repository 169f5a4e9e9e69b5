"""How people write numbers: 70m, 1.5B, 0.5x, pythia-1.4b, 0,5, 10 000, inf, n/a."""

from __future__ import annotations

import math
import re

SUFFIXES = {"": 1.0, "x": 1.0, "×": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}
"""Of a scale, as in 70m, 1.5B, 0.5x; in either case, since names of models have both."""

MISSING = frozenset(
    ["", "na", "n/a", "n.a.", "#n/a", "<na>", "null", "none", "nil", "-", "--", "–", "—", ".", "?"]
)
"""What pandas, R, databases, spreadsheets and people write for "nothing here", in either case."""

TRUTH = {"true": 1.0, "false": 0.0}

_SCALE = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([kmbgtx×]?)", re.IGNORECASE)
NUMBER = r"\d+(?:\.\d+)?(?:e[+-]?\d+)?[kmbgtx×]?"
"""A number inside a name, with a suffix; what follows it is for the caller to check."""
_ENDS = r"(?![A-Za-z0-9]|\.\d)"
_THOUSANDS = {
    ".": re.compile(r"[+-]?\d{1,3}(?:[,' _\u00a0\u202f’]\d{3})+(?:\.\d+)?"),
    ",": re.compile(r"[+-]?\d{1,3}(?:[.' _\u00a0\u202f’]\d{3})+(?:,\d+)?"),
}
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:e[+-]?\d+)?", re.IGNORECASE)


def scale_of(text: str) -> float | None:
    """The number that a text such as `512`, `0.25`, `70m`, `1.5B` or `0.5x` stands for; None if it is none.

    Examples
    --------
    >>> scale_of("70m"), scale_of("1.5B"), scale_of("2e-3"), scale_of("0.5x"), scale_of("large")
    (70000000.0, 1500000000.0, 0.002, 0.5, None)
    """
    match = _SCALE.fullmatch(text.strip())
    if match is None:
        return None
    # Decimal shifts in text, not products: 1.1M is 1100000 and not 1100000.0000000002.
    number, zeros = match[1], round(math.log10(SUFFIXES[match[2].lower()]))
    return float(number) if "e" in number.lower() else float(f"{number}e{zeros}")


def number_in(name: str) -> float | None:
    """The number in a name, if there is exactly one that stands alone, or else exactly one at all.

    Examples
    --------
    >>> number_in("pythia-1.4b-deduped"), number_in("gpt2-124M"), number_in("step1000"), number_in("qwen2.5-0.5b")
    (1400000000.0, 124000000.0, 1000.0, 500000000.0)
    >>> number_in("large") is number_in("olmo-2-1b") is None
    True
    """
    for before in (r"(?<![A-Za-z0-9.])", r"(?<![0-9.])"):
        matches = re.findall(f"{before}({NUMBER}){_ENDS}", name, re.IGNORECASE)
        if matches:
            return scale_of(matches[0]) if len(matches) == 1 else None
    return None


def plain(text: str, decimal: str) -> str:
    """A number as Python writes it: without thousands separators, with a point before the decimals.

    Parameters
    ----------
    text : str
        Any text; what is no number comes back as it is.
    decimal : {".", ","}
        What stands before the decimals in the file.

    Examples
    --------
    >>> plain("0,5", ","), plain("1.234,5", ","), plain("1,234.5", "."), plain("10 000", "."), plain("0,5", ".")
    ('0.5', '1234.5', '1234.5', '10000', '0,5')
    """
    text = text.strip()
    if _THOUSANDS[decimal].fullmatch(text):
        text = re.sub(r"[,' _\u00a0\u202f’]" if decimal == "." else r"[.' _\u00a0\u202f’]", "", text)
    return text.replace(",", ".") if decimal == "," and _DECIMAL_COMMA.fullmatch(text) else text


def decimal_sign(fields: list[str]) -> str:
    """What stands before the decimals in fields that commas do not part: a comma if one cannot be anything else.

    Examples
    --------
    >>> decimal_sign(["64", "0,9"]), decimal_sign(["64", "0.9"]), decimal_sign(["1,024", "2,048"])
    (',', '.', '.')
    """
    commas = [field.strip() for field in fields if "," in field]
    decimal = [field for field in commas if _DECIMAL_COMMA.fullmatch(field) or _THOUSANDS[","].fullmatch(field)]
    return "," if any(not _grouped(field) for field in decimal) else "."


def _grouped(text: str) -> bool:
    """Whether a comma may be a thousands separator: not after a lone zero."""
    return _THOUSANDS["."].fullmatch(text) is not None and text.lstrip("+-")[0] != "0"


def float_of(text: str, decimal: str = ".") -> float | None:
    """The number that a text spells, true and false among them; None if it is none.

    Examples
    --------
    >>> float_of(" 1e-3"), float_of("inf"), float_of("True"), float_of("1,024"), float_of("half")
    (0.001, inf, 1.0, 1024.0, None)
    """
    text = plain(text, decimal)
    if text.lower() in TRUTH:
        return TRUTH[text.lower()]
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None

"""How people say which GPUs: ``all``, ``none``, ``0,2,5``, ``range:0-3``, ``count:3``. Read here, met in engines."""

from __future__ import annotations

import re
from dataclasses import dataclass

EXAMPLES = "all, none, 0, 0,2,5, range:0-3, count:3"
MOST = 1000
"""Numbers and counts are below this: more would be a mistake, and a range of a billion would be a list of a billion."""
_RANGE = re.compile(r"range:(\d{1,9})-(\d{1,9})", re.ASCII)
_COUNT = re.compile(r"count:(\d{1,9})", re.ASCII)
_NUMBERS = re.compile(r"\d{1,9}(\s*,\s*\d{1,9})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class GpuSpec:
    """What was asked for: every GPU, certain numbers, or so many of them."""

    everything: bool = False
    numbers: tuple[int, ...] = ()
    """As asked, in their order, each once."""
    count: int = 0
    """So many, whichever; 0 = not asked for by count."""

    @property
    def nothing(self) -> bool:
        """True for ``none``."""
        return not (self.everything or self.numbers or self.count)


def parse_gpus(text: str) -> GpuSpec:
    """What ``--gpu TEXT`` asks for.

    Raises:
        ValueError: it is none of the forms; the message says what is wrong with it.
    """
    words = text.strip().lower()
    if not words:
        raise ValueError("nothing is said: all, or none for the CPU")
    if words in ("all", "none"):
        return GpuSpec(everything=words == "all")
    span, count = _RANGE.fullmatch(words), _COUNT.fullmatch(words)
    if span:
        return GpuSpec(numbers=_span(int(span[1]), int(span[2])))
    if count:
        return GpuSpec(count=_count(int(count[1])))
    if words.startswith(("range:", "count:")):
        example = "range:0-3" if words.startswith("range:") else "count:3"
        raise ValueError(f"{text!r} is not understood: write it as {example}")
    return GpuSpec(numbers=parse_numbers(text))


def parse_numbers(text: str) -> tuple[int, ...]:
    """The numbers of ``1,3``, each once; nothing for an empty text.

    Raises:
        ValueError: it is no list of whole numbers.
    """
    words = text.strip()
    if not words:
        return ()
    if not _NUMBERS.fullmatch(words):
        raise ValueError(f"{text!r} is no list of GPU numbers")
    found = tuple(dict.fromkeys(int(word) for word in words.split(",")))
    if max(found) >= MOST:
        raise ValueError(f"{text!r}: {max(found)} is no GPU's number: they are below {MOST}")
    return found


def _span(first: int, last: int) -> tuple[int, ...]:
    if last < first:
        raise ValueError(f"the range {first}-{last} runs backwards: range:{last}-{first}")
    if last >= MOST:
        raise ValueError(f"range:{first}-{last}: {last} is no GPU's number: they are below {MOST}")
    return tuple(range(first, last + 1))


def _count(count: int) -> int:
    if count == 0:
        raise ValueError("count:0 asks for no GPU: that is none")
    if count >= MOST:
        raise ValueError(f"count:{count} asks for too many: below {MOST}")
    return count

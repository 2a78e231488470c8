"""A language model made from the words that are expected: an ARPA file, for recognizers that can use one.

Trigrams with absolute discounting and back-off. A recognizer hears one stretch of the text at a time, which may begin and
end at any word, so the text counts as one stream of words, and beginnings and ends are likeliest where it pauses.

Source: H. Ney, U. Essen, R. Kneser, "On structuring probabilistic dependences in stochastic language modelling", Computer
Speech and Language 8(1), 1994 (absolute discounting); the ARPA form as SRILM's ngram-format describes it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

BEGIN, END = "<s>", "</s>"
DISCOUNT = 0.5
"""Taken from each count for what was not seen. A text that is read mostly keeps its order: little is kept back."""
NEVER = -99.0
"""What ARPA files give a beginning, which nothing predicts."""

_Gram = tuple[str, ...]


def arpa(phrases: Sequence[Sequence[str]]) -> str:
    """The text of an ARPA file of order 3.

    Args:
        phrases: the words between two pauses of the text (commas, full stops), in order; lower case, no spaces in a word.

    Raises:
        ValueError: there is no word.
    """
    counts = _counts([each for each in phrases if each])
    if not counts[0]:
        raise ValueError("a language model needs words")
    logs: list[dict[_Gram, float]] = [_unigrams(counts[0])]
    for order in (1, 2):
        logs.append(_higher(counts[order]))
    backs = [_back_offs(counts[order], logs) for order in (1, 2)]
    return "\n".join(_rows(logs, [*backs, {}])) + "\n"


def _counts(phrases: Sequence[Sequence[str]]) -> list[Counter[_Gram]]:
    """Unigrams, bigrams and trigrams of the stream, and of each phrase's beginning and end."""
    stream = [word for phrase in phrases for word in phrase]
    found: list[Counter[_Gram]] = [Counter(), Counter(), Counter()]
    for order in range(3):
        found[order].update(tuple(stream[at : at + order + 1]) for at in range(len(stream) - order))
    if not stream:
        return found
    found[0][(END,)] = len(phrases)
    for phrase in phrases:
        begin, end = (BEGIN, *phrase[:2]), (*phrase[-2:], END)
        for order in (1, 2):
            if len(begin) > order:
                found[order][tuple(begin[: order + 1])] += 1
            if len(end) > order:
                found[order][tuple(end[-order - 1 :])] += 1
    return found


def _unigrams(counts: Counter[_Gram]) -> dict[_Gram, float]:
    total = sum(counts.values())
    return {(BEGIN,): NEVER, **{gram: math.log10(count / total) for gram, count in counts.items()}}


def _higher(counts: Counter[_Gram]) -> dict[_Gram, float]:
    totals: Counter[_Gram] = Counter()
    for gram, count in counts.items():
        totals[gram[:-1]] += count
    return {gram: math.log10((count - DISCOUNT) / totals[gram[:-1]]) for gram, count in counts.items()}


def _back_offs(counts: Counter[_Gram], logs: Sequence[Mapping[_Gram, float]]) -> dict[_Gram, float]:
    """For each history the weight of the next shorter one: what was held back, over what that gives to the unseen.

    Whatever ends a longer gram is counted as a gram of its own, so the shorter history has a probability for it.
    """
    totals: Counter[_Gram] = Counter()
    kinds: Counter[_Gram] = Counter()
    covered: dict[_Gram, float] = {}
    for gram, count in counts.items():
        history = gram[:-1]
        totals[history] += count
        kinds[history] += 1
        covered[history] = covered.get(history, 0.0) + 10.0 ** logs[len(history) - 1][gram[1:]]
    found = {}
    for history, total in totals.items():
        held = DISCOUNT * kinds[history] / total
        left = max(1e-6, 1.0 - covered[history])
        found[history] = math.log10(held / left)
    return found


def _rows(logs: Sequence[Mapping[_Gram, float]], backs: Sequence[Mapping[_Gram, float]]) -> Iterator[str]:
    yield "\\data\\"
    yield from (f"ngram {order}={len(grams)}" for order, grams in enumerate(logs, 1))
    for order, (grams, weights) in enumerate(zip(logs, backs, strict=True), 1):
        yield ""
        yield f"\\{order}-grams:"
        for gram in sorted(grams):
            weight = f"\t{weights[gram]:.5f}" if gram in weights else ""
            yield f"{grams[gram]:.5f}\t{' '.join(gram)}{weight}"
    yield ""
    yield "\\end\\"

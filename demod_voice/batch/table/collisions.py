"""Which rows of a table would write one file, found in eight bytes a row: hashes first, then a look at those that agree."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Any

_WORD = 8


def _words(path: str) -> tuple[int, int]:
    """Two independent hashes of 64 bits."""
    digest = hashlib.blake2b(path.encode("utf-8", "surrogateescape"), digest_size=2 * _WORD).digest()
    return int.from_bytes(digest[:_WORD], "little"), int.from_bytes(digest[_WORD:], "little")


class Collisions:
    """Outputs of all rows, and the inputs and the folders of other outputs that they must not take the place of.

    First ``add`` every output, input and folder; then ``close``; then, if anything is ``suspect``, ask ``why`` of each
    row's output once more, in the same order. What agrees in one hash of 64 bits is told only when it agrees in a second one.
    """

    def __init__(self) -> None:
        self._outputs = array("Q")
        self._inputs = array("Q")
        self._folders = array("Q")
        self._numbers = array("Q")
        self._seconds = array("Q")
        self._twice = array("Q")
        self._overwritten: dict[int, int] = {}
        self._in_the_way: dict[int, int] = {}

    def add_output(self, path: str) -> None:
        """A row writes ``path``, which is absolute and has its links resolved."""
        self._outputs.append(_words(path)[0])

    def add_input(self, path: str) -> None:
        """Some row reads ``path``; once is enough."""
        self._inputs.extend(_words(path))

    def add_folder(self, path: str) -> None:
        """Some row writes into the folder ``path``; once is enough."""
        self._folders.extend(_words(path))

    @property
    def suspect(self) -> bool:
        """There may be collisions: the rows have to be looked at again."""
        return bool(self._twice) or bool(self._overwritten) or bool(self._in_the_way)

    def close(self) -> None:
        """Everything was added: find what agrees, and let go of the rest."""
        import numpy as np

        outputs = np.frombuffer(self._outputs, dtype=np.uint64) if self._outputs else np.empty(0, np.uint64)
        self._outputs = array("Q")
        outputs.sort()
        self._twice = array("Q", np.unique(outputs[1:][outputs[1:] == outputs[:-1]]).tobytes())
        self._numbers = array("Q", bytes(_WORD * len(self._twice)))
        self._seconds = array("Q", bytes(_WORD * len(self._twice)))
        self._overwritten = dict(_found(self._inputs, outputs))
        self._in_the_way = dict(_found(self._folders, outputs))
        self._inputs, self._folders = array("Q"), array("Q")

    def why(self, number: int, path: str) -> str:
        """What is wrong with the output of a row beside the others; empty when nothing is."""
        first, second = _words(path)
        if self._overwritten.get(first) == second:
            return "is read by a row"
        if self._in_the_way.get(first) == second:
            return "is the folder of another row's output"
        at = bisect_left(self._twice, first)
        if at == len(self._twice) or self._twice[at] != first:
            return ""
        if not self._numbers[at]:
            self._numbers[at], self._seconds[at] = number, second
            return ""
        return f"is the output of row {self._numbers[at]} too" if self._seconds[at] == second else ""


def _found(paths: Iterable[int], outputs: Any) -> Iterator[tuple[int, int]]:
    """(first hash, second hash) of the paths whose first hash is among the sorted outputs."""
    words = iter(paths)
    for first, second in zip(words, words, strict=True):
        at = int(outputs.searchsorted(first))
        if at < len(outputs) and int(outputs[at]) == first:
            yield first, second

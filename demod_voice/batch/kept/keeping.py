"""Where the end of every row is written down: ledger, results, timings, counts and the progress that is shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from demod_voice.batch.kept.recording import Rules, keep, known
from demod_voice.batch.kept.results import Results
from demod_voice.batch.kept.state import State
from demod_voice.batch.kept.summary import Tally
from demod_voice.batch.kept.timings import Timings
from demod_voice.batch.types import FAILED, SKIPPED, WINDOW, Finished, Job, Row, Timing
from demod_voice.errors import DemodError, OutputError
from demod_voice.records.ledger import Ledger
from demod_voice.records.progress import Progress

STEP = "batch"
AHEAD = 3
"""Windows that may be begun behind the one that holds the first row without a result: so many results are held."""
TICK_S = 0.5


@dataclass(frozen=True, slots=True)
class _Expected:
    """A row that is being worked on."""

    key: str
    cells: Mapping[str, str]


class Keeper:
    """Takes what becomes of rows. Used by one thread; another one may ``tick``.

    Args:
        ledger: of finished rows.
        results: what is told of each.
        timings: how each was made.
        tally: counts.
        rules: which records count.
        progress: told about each row.
        folders: what paths in messages are told relative to: results hold no absolute path.
        state: says how far the run is.
    """

    def __init__(
        self,
        ledger: Ledger,
        results: Results,
        timings: Timings,
        tally: Tally,
        rules: Rules,
        progress: Progress,
        folders: tuple[Path, ...],
        state: State,
    ) -> None:
        self._ledger, self._results, self._timings = ledger, results, timings
        self._tally, self._rules, self._progress = tally, rules, progress
        self._folders = tuple(f"{folder}/" for folder in folders)
        self._state = state
        self._expected: dict[int, _Expected] = {}
        self._lock = threading.RLock()
        self._trouble: DemodError | None = None
        """What went wrong while nobody asked; told at the next row, once that is written down."""
        self._told = 0.0

    @property
    def failed(self) -> int:
        """Rows that have failed so far."""
        return self._tally.failed

    def may_begin(self, number: int) -> bool:
        """Whether a window whose first row this is may be begun."""
        return (number - 1) // WINDOW - (self._results.next - 1) // WINDOW <= AHEAD

    def finished(self, job: Job) -> bool:
        """True for a row that is done already; its result is taken then. Else it is expected.

        Raises:
            OutputError: the ledger or the results cannot be written.
        """
        with self._guarded():
            record = known(self._ledger, job, self._rules)
            if record is None:
                self._expected[job.row.number] = _Expected(job.key, job.row.cells)
                return False
            self._end(record, job.row.cells, None)
        return True

    def add(self, record: Finished, timing: Timing) -> None:
        """A row has been worked on.

        Raises:
            OutputError: the disk is full.
        """
        with self._guarded():
            expected = self._expected.pop(record.number)
            error, hint = self._shown(record.error), self._shown(record.hint)
            record = replace(record, key=expected.key, error=error, hint=hint)
            if record.status != SKIPPED:
                keep(self._ledger, record)
                self._timings.add(timing)
            self._end(record, expected.cells, timing)

    def refuse(self, row: Row, error: DemodError) -> None:
        """A row cannot be worked on.

        Raises:
            OutputError: the results cannot be written.
        """
        record = Finished(
            row.number,
            "",
            FAILED,
            row.cell("output"),
            error=self._shown(error.message),
            hint=self._shown(error.hint or ""),
            kind=type(error).__name__,
        )
        with self._guarded():
            self._end(record, row.cells, Timing(row.number, 0.0, 0, ""))

    def skip(self, job: Job, why: str) -> None:
        """A row is not worked on in this run.

        Raises:
            OutputError: the results cannot be written.
        """
        record = Finished(job.row.number, "", SKIPPED, job.shown, engine=job.engine, error=why)
        with self._guarded():
            self._expected.pop(job.row.number, None)
            self._end(record, job.row.cells, None)

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """Meanwhile, what waits to be written is written when it is a second old, however slow the next row is."""
        ended = threading.Event()

        def run() -> None:
            while not ended.wait(TICK_S):
                self._tick()

        thread = threading.Thread(target=run, name="batch-tick", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _tick(self) -> None:
        with self._lock:
            try:
                self._ledger.tick()
                self._results.tick()
                self._timings.tick()
            except OutputError as error:
                self._trouble = error
            self._state.write()

    def _end(self, record: Finished, cells: Mapping[str, str], timing: Timing | None) -> None:
        self._tally.count(record, timing)
        self._results.add(record, cells)
        self._progress.advance(STEP)
        now = time.monotonic()
        if timing is not None and now - self._told >= 1.0:
            self._told = now
            self._progress.tell(STEP, f"{self._tally.pace:.1f} audio min/min")

    def _shown(self, text: str) -> str:
        for folder in self._folders:
            text = text.replace(folder, "")
        return text

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        with self._lock:
            yield
            if self._trouble is not None:
                raise self._trouble

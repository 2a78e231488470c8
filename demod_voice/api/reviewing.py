"""Reviewing a dataset by ear: the local page, and bringing its decisions into the dataset."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from demod_voice.dataset.review.replay import Applied
from demod_voice.dataset.review.replay import apply_reviews as apply_to_rows
from demod_voice.errors import UsageError

__all__ = ["ReviewOptions", "ReviewReport", "apply_reviews", "describe_review", "review_dataset"]

LOOPBACK = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class ReviewOptions:
    """How a review is served."""

    reviewer: str = ""
    """Whose decisions they are; empty = the user of this session."""
    port: int = 0
    """0 = any that is free."""
    host: str = LOOPBACK[0]
    """Where it listens; another address than this machine's own only with ``allow_remote``."""
    allow_remote: bool = False
    only: Sequence[str] = field(default=())
    """The filter that the page begins with: ``reason=snr,hum``, ``state=undecided``, ``snr_db=..10``, ``order=-snr_db``."""


@dataclass(frozen=True, slots=True)
class ReviewReport:
    """What a review decided, and what became of it."""

    dataset: Path
    session: Mapping[str, int]
    """Decisions made on the page, by action: ``accept``, ``reject``, ``clear``, ``text``, ``trim``, ``undo``."""
    applied: int
    """Decisions that were brought into the rows now; those of sessions that were killed too."""
    changed: int
    """Clips whose row changed."""
    unknown: int
    """Decisions about clips that are no longer there."""
    accepted: int
    """Clips of the dataset that stand accepted."""
    rejected: int
    """Clips of the dataset that stand rejected."""
    clips: int
    kept: int
    """Clips outside the quarantine."""


def review_dataset(
    path: str | Path,
    options: ReviewOptions | None = None,
    *,
    ready: Callable[[str], None],
    applying: Callable[[int], None] | None = None,
    on_wait: Callable[[], None] | None = None,
) -> ReviewReport:
    """Serve the review's page until it is finished there or interrupted, then bring its decisions into the dataset.

    Args:
        path: the dataset's folder.
        options: how it is served.
        ready: called once with the page's address; whoever has it may decide.
        applying: called with the number of decisions that are brought into the rows next (seconds, for 100,000 clips).
        on_wait: called when another process holds the dataset.

    Raises:
        UsageError: it is no dataset, a filter is wrong, the port is taken, or the host is another machine's.
        MediaError, OutputError: as ``apply_reviews``.
    """
    from demod_voice.dataset.review.filters import pairs_of, query_of
    from demod_voice.dataset.review.server import listen
    from demod_voice.dataset.review.session import Session

    options = options or ReviewOptions()
    _check_host(options)
    session = Session(Path(path))
    pairs = pairs_of(options.only)
    query_of(pairs, session.catalogue.numbers)
    listening = listen(session, options.reviewer or _user(), options.host, options.port, urlencode(pairs))
    ready(listening.address)
    with suppress(KeyboardInterrupt):
        listening.run()
    if applying and session.pending:
        applying(session.pending)
    return _report(Path(path), dict(session.tally), apply_to_rows(Path(path), on_wait))


def apply_reviews(path: str | Path, *, on_wait: Callable[[], None] | None = None) -> ReviewReport:
    """Bring what was decided in reviews of a dataset into its rows, without a page.

    Raises:
        UsageError: it is no dataset, or a file of it is damaged. MediaError: a clip that was trimmed is not there.
        OutputError: something cannot be written.
    """
    return _report(Path(path), {}, apply_to_rows(Path(path), on_wait))


def describe_review(report: ReviewReport) -> str:
    """The report as lines for a person."""
    words = {
        "accept": "accepted",
        "reject": "rejected",
        "clear": "cleared",
        "text": "texts",
        "trim": "trims",
        "undo": "undone",
    }
    made = ", ".join(f"{report.session[name]} {word}" for name, word in words.items() if report.session.get(name))
    rows = [f"this session: {made}"] if made else []
    rows.append(f"{report.applied} decisions brought into the dataset; {report.changed} clips changed")
    if report.unknown:
        rows.append(f"{report.unknown} decisions are about clips that are no longer there")
    decided = report.accepted + report.rejected
    rows.append(f"{decided} of {report.clips} clips decided: {report.accepted} accepted, {report.rejected} rejected")
    rows.append(f"{report.kept} clips are in the splits, {report.clips - report.kept} in quarantine")
    return "\n".join(rows)


def _report(path: Path, session: Mapping[str, int], applied: Applied) -> ReviewReport:
    segments = applied.manifest.segments
    reviews: dict[str, Any] = {name: sum(each.review == name for each in segments) for name in ("accepted", "rejected")}
    kept = sum(not each.quarantined for each in segments)
    return ReviewReport(
        path, session, applied.decisions, applied.changed, applied.unknown, **reviews, clips=len(segments), kept=kept
    )


def _check_host(options: ReviewOptions) -> None:
    if options.host not in LOOPBACK and not options.allow_remote:
        raise UsageError(
            f"--host {options.host} would let other machines in, without encryption",
            "leave it out and forward the port (ssh -L), or say --allow-remote",
        )


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "reviewer"

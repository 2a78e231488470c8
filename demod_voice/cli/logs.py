"""Where log records go: warnings to stderr, more of them with ``-v``, all of them to ``--log-file``.

Notes for people (``App.note``) are records too, of the logger ``NOTES``: they reach the log file, and not stderr a
second time.
"""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

ROOT = "demod_voice"
NOTES = "demod_voice.notes"
ERRORS_LIMIT = 1 << 20
"""Bytes after which the file of unexpected errors is begun anew (one older one is kept)."""


class _Stderr(logging.Handler):
    """One line a record, above the progress bars where there are any."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
            bars = sys.modules.get("tqdm")
            if bars is not None:
                bars.tqdm.write(text, file=sys.stderr)
            else:
                sys.stderr.write(text + "\n")
        except OSError:
            pass


def set_up(verbose: int = 0, quiet: bool = False, log_file: str | None = None) -> None:
    """Send records to stderr (WARNING; INFO, DEBUG with ``verbose`` 1, 2; ERROR with ``quiet``) and to a file (all).

    Raises:
        OutputError: the log file cannot be opened.
    """
    logger = logging.getLogger(ROOT)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    stderr = _Stderr(_stderr_level(verbose, quiet))
    stderr.addFilter(lambda record: record.name != NOTES)
    stderr.setFormatter(_Short() if not verbose else logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logger.addHandler(stderr)
    if log_file:
        logger.addHandler(_file_handler(Path(log_file)))
    logger.setLevel(min(handler.level for handler in logger.handlers))
    logger.propagate = False


def keep_traceback(error: BaseException) -> Path | None:
    """Write an unexpected error to the log file, or to ``errors.log`` in the state folder; return where, or None."""
    logger = logging.getLogger(ROOT)
    files = [Path(each.baseFilename) for each in logger.handlers if isinstance(each, logging.FileHandler)]
    if files:
        logger.error("unexpected error", exc_info=error)
        return files[0]
    try:
        return _append_error(error)
    except OSError:
        return None


def _append_error(error: BaseException) -> Path:
    import shlex
    import traceback

    from demod_voice.api.config import state_folder

    path = state_folder() / "errors.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > ERRORS_LIMIT:
        path.replace(path.with_suffix(".log.1"))
    with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {shlex.join(sys.argv)}\n")
        file.write("".join(traceback.format_exception(error)) + "\n")
    return path


def _stderr_level(verbose: int, quiet: bool) -> int:
    if verbose:
        return logging.DEBUG if verbose > 1 else logging.INFO
    return logging.ERROR if quiet else logging.WARNING


def _file_handler(path: Path) -> logging.Handler:
    try:
        handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        from demod_voice.api.errors import OutputError

        raise OutputError(f"cannot write the log file {path}: {error.strerror}", "choose another --log-file") from error
    handler.setLevel(logging.DEBUG)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s [%(threadName)s] %(message)s"))
    return handler


class _Short(logging.Formatter):
    """``warning: text``: how a person reads it."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {record.getMessage()}"

"""The ways in which a request fails, each with one of the protocol's error codes. Engine authors raise these.

Python 3.9, standard library only.
"""

from __future__ import annotations

import traceback
from typing import Any, Dict

from demod_worker.messages import BadMessage

MOST_ERROR_CHARS = 20_000
"""Longest message of an error: a whole input quoted in it must not pass the limit of a line."""


class WorkerError(Exception):
    """A request that failed, with one of the protocol's codes."""

    code = "internal"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class BadRequest(WorkerError):
    """The request asks for something that does not exist (a voice, a style, a value)."""

    code = "bad_request"


class Unsupported(WorkerError):
    """This engine cannot do that."""

    code = "unsupported"


class ModelMissing(WorkerError):
    """The model's files are not there."""

    code = "model_missing"


class LicenceRequired(WorkerError):
    """The model's licence must be accepted first."""

    code = "licence_required"


class OutOfMemory(WorkerError):
    """Not enough memory on the device."""

    code = "out_of_memory"


class EngineFault(WorkerError):
    """The engine's own library failed."""

    code = "engine_error"


class Cancelled(Exception):
    """The request was cancelled; raised by ``Task.check``."""


def error_data(error: BaseException) -> Dict[str, Any]:
    """Fields of an ``error`` or ``item-error``; what is no ``WorkerError`` also leaves its traceback in the log."""
    if isinstance(error, WorkerError):
        return _error(error.code, error.message, error.hint)
    traceback.print_exception(type(error), error, error.__traceback__)
    if isinstance(error, BadMessage):
        return _error("bad_request", str(error))
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return _error("out_of_memory", str(error) or "out of memory")
    return _error("internal", f"{type(error).__name__}: {error}")


def _error(code: str, message: str, hint: str = "") -> Dict[str, Any]:
    """Fields of an error. Text that is no valid Unicode (a lone surrogate) is made so, or it could not be sent."""
    texts = [str(each)[:MOST_ERROR_CHARS].encode("utf-8", "replace").decode() for each in (message, hint)]
    return {"code": code, "message": texts[0], "hint": texts[1]}

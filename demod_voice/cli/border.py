"""The one border: here, and nowhere else, an exception becomes text and an exit code."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import sys
from collections.abc import Callable
from typing import Any

from demod_voice.cli.app import App, overrides_of, root_parser
from demod_voice.cli.called import as_called
from demod_voice.cli.flags import GlobalFlags

EXIT_OUTPUT = 7
EXIT_BROKEN_PIPE = 128 + signal.SIGPIPE
"""What a shell reports for a program that SIGPIPE ended; the reader has gone, so nothing is said."""
GO_ON = "run the same command again: finished work is kept"

log = logging.getLogger("demod_voice.cli")


def run(argv: list[str]) -> int:
    """Parse and run one command line; return its exit code, whatever happens."""
    app = App(_early_flags(argv))
    try:
        _stop_on_signals()
        code = _guarded(lambda: _dispatch(argv, app), app)
        return _flush_stdout(app) or code
    finally:
        app.close()


def _dispatch(argv: list[str], app: App) -> int:
    parser = root_parser()
    args = parser.parse_args(argv)
    app.flags = GlobalFlags(parser.recorded)
    app.overrides = overrides_of(args)
    _set_up_logging(app)
    return int(args.run(args, app) or 0)


def _early_flags(argv: list[str]) -> GlobalFlags:
    """Enough of the flags to report a mistake in the command line itself the way it was asked for."""
    words = argv[: argv.index("--")] if "--" in argv else argv
    spellings = {"--json": "json", "-v": "verbose", "--verbose": "verbose", "-q": "quiet", "--quiet": "quiet"}
    return GlobalFlags([(spellings[word], []) for word in words if word in spellings])


def _set_up_logging(app: App) -> None:
    from demod_voice.cli.logs import set_up

    flags = app.flags
    if flags.log_file:
        from demod_voice.api.config import check_allowed

        check_allowed(flags.log_file, app.settings)
    set_up(flags.verbose, flags.quiet, flags.log_file)


def _guarded(work: Callable[[], int], app: App) -> int:
    """Run ``work``; turn what it raises into a message on stderr and a code."""
    try:
        return work()
    except KeyboardInterrupt:
        return _interrupted(app)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    except BrokenPipeError as error:
        return EXIT_BROKEN_PIPE if _reader_is_gone() else _unexpected(error, app)
    except Exception as error:
        from demod_voice.api.errors import DemodError

        return _expected(error, app) if isinstance(error, DemodError) else _unexpected(error, app)


def _expected(error: Any, app: App) -> int:
    """A ``DemodError``: its message, its hint, its code."""
    log.debug("%s: %s", type(error).__name__, error.message, exc_info=error)
    _report(app, type(error).__name__, error.message, error.hint, error.exit_code, getattr(error, "faults", None))
    return int(error.exit_code)


def _interrupted(app: App) -> int:
    from demod_voice.api.errors import EXIT_INTERRUPTED

    _report(app, "Interrupted", "interrupted", GO_ON, EXIT_INTERRUPTED)
    return EXIT_INTERRUPTED


def _unexpected(error: BaseException, app: App) -> int:
    """A defect of this program: one line, and where the traceback was written."""
    from demod_voice.api.errors import EXIT_UNEXPECTED
    from demod_voice.cli.logs import keep_traceback

    place = keep_traceback(error)
    hint = f"this is a defect of demod-voice; the details are in {place}" if place else "run it with -v to see where"
    if app.flags.verbose:
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    text = f"unexpected {type(error).__name__}: {error}".rstrip(": ").replace("\n", " ")
    _report(app, type(error).__name__, text, hint, EXIT_UNEXPECTED)
    return EXIT_UNEXPECTED


def _report(app: App, kind: str, message: str, hint: str | None, code: int, faults: Any = None) -> None:
    """Write an error to stderr: for people, or with ``--json`` as one line."""
    app.close()
    message, hint = as_called(message), as_called(hint) if hint else None
    if app.flags.json:
        import json

        fields: dict[str, Any] = {"kind": kind, "message": message, "hint": hint, "exit_code": code}
        if faults:
            fields["faults"] = [{"line": each.line, "message": each.message, "hint": each.hint} for each in faults]
        text = json.dumps({"error": fields}, ensure_ascii=False)
    else:
        word = "" if kind == "Interrupted" else "error: "
        text = f"{word}{message}" + (f"\n  {hint}" if hint else "")
    try:
        sys.stderr.write(_printable(text) + "\n")
        sys.stderr.flush()
    except OSError:
        pass


def _printable(text: str) -> str:
    """``text`` without what would move a terminal's cursor, and without what its encoding cannot say."""
    shown = "".join(char if char in "\n\t" or char.isprintable() else repr(char)[1:-1] for char in text)
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def _flush_stdout(app: App) -> int:
    """Bring what was printed to its reader; 0, or the exit code when it cannot be brought there."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
        return EXIT_BROKEN_PIPE
    except (OSError, ValueError) as error:
        _forget_stdout()
        _report(app, "OutputError", f"cannot write to stdout: {error}", None, EXIT_OUTPUT)
        return EXIT_OUTPUT
    return 0


def _forget_stdout() -> None:
    """Let the interpreter's own flush at exit go to the null device."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _reader_is_gone() -> bool:
    """True when it is stdout that broke, and not a pipe to an engine (which is a defect, and is reported)."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        gone = any(event & select.POLLERR for _, event in poll.poll(0))
    except (OSError, ValueError):
        return False
    if gone:
        _forget_stdout()
    return gone


def _stop_on_signals() -> None:
    """End on SIGTERM and SIGHUP as on Ctrl-C: through every ``finally``, so that nothing is left half-written."""

    def stop(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        try:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, stop)
        except ValueError:
            return

"""The command line: parse, call one function of ``demod_voice.api``, print.

``main`` is the entry of the console script. The three requests that need no parser (``--help``, ``--version``, nothing
at all) are answered from a table, because argparse alone costs as much as starting Python.
"""

from __future__ import annotations

import os
import sys


def main(argv: list[str] | None = None) -> int:
    """Run one command line (without the program's name) and return its exit code."""
    _open_streams()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read by numpy: its idle threads spin, and take from the mix
    arguments = sys.argv[1:] if argv is None else argv
    if arguments in ([], ["-h"], ["--help"]):
        from demod_voice.cli.groups import root_help
        from demod_voice.cli.style import use_bold

        sys.stdout.write(root_help(use_bold(sys.stdout)))
        return 0
    if arguments == ["--version"]:
        from demod_voice import __version__

        sys.stdout.write(f"demod-voice {__version__}\n")
        return 0
    from demod_voice.cli.border import run

    return run(arguments)


def piper_infer() -> int:
    """The entry of the console script ``piper-infer``, the older name of ``demod-voice piper infer``."""
    return main(["piper-infer", *sys.argv[1:]])


def _open_streams() -> None:
    """Give a process that was started with closed streams the null device: Python has None there.

    In the order of their descriptors, of which the first free one is taken each time.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 (kept open; pathlib takes long to import)

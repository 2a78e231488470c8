"""``demod-voice dataset``: review."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from demod_voice.cli.app import App, command


def add_review_command(commands: Any) -> None:
    """Declare the command."""
    review = command(
        commands,
        "review",
        "Hear, accept, reject, trim and correct clips in a browser",
        _review,
        examples=[
            "demod-voice dataset review voice/",
            "demod-voice dataset review voice/ --only state=undecided --only reason=snr,hum",
            "demod-voice dataset review voice/ --only order=snr_db --no-browser --port 8111",
            "demod-voice dataset review voice/ --apply",
        ],
        description=(
            "Serve a page on this machine that plays one clip at a time, with keys for everything. Each decision is on "
            "the disk (reviews.jsonl) before its key is answered; killed at any moment, none is lost. Ctrl-C, or Finish on "
            "the page, brings the decisions into the dataset's files."
        ),
    )
    review.add_argument("dataset", metavar="DATASET", help="the dataset's folder")
    review.add_argument("--only", metavar="KEY=VALUE", action="append", default=[], help=_ONLY)
    review.add_argument("--reviewer", metavar="NAME", default="", help="whose decisions they are (default: the user)")
    review.add_argument(
        "--port", metavar="N", type=_port, default=0, help="port of the page (default: any that is free)"
    )
    review.add_argument("--no-browser", action="store_true", help="only print the page's address")
    review.add_argument("--apply", action="store_true", help="bring earlier decisions into the dataset, serve no page")
    review.add_argument("--host", metavar="ADDRESS", default="127.0.0.1", help="listen elsewhere; needs --allow-remote")
    review.add_argument("--allow-remote", action="store_true", help="let other machines reach the page, unencrypted")


_ONLY = (
    "what the page begins with: reason=, split=, speaker=, state= (undecided, accepted, rejected, edited), text=, "
    "a measure with bounds (snr_db=..10), order=MEASURE or order=-MEASURE; may be given again"
)


def _review(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.reviewing import ReviewOptions, apply_reviews, describe_review, review_dataset

    def waiting() -> None:
        app.note(f"another command holds {args.dataset}; waiting")

    if args.apply:
        report = apply_reviews(args.dataset, on_wait=waiting)
    else:
        options = ReviewOptions(args.reviewer, args.port, args.host, args.allow_remote, args.only)

        def ready(address: str) -> None:
            app.emit({"address": address}, text=address)
            app.note("Ctrl-C, or Finish on the page, ends the review")
            if not args.no_browser:
                _open(address)

        def applying(decisions: int) -> None:
            app.note(f"bringing {decisions} decisions into the dataset's files; they are safe already")

        report = review_dataset(args.dataset, options, ready=ready, applying=applying, on_wait=waiting)
    app.emit(report, text=describe_review(report))


def _open(address: str) -> None:
    """Open the address where there is a screen; a browser of the terminal would take the terminal over."""
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        import webbrowser

        webbrowser.open(address)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return port

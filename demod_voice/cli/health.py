"""``health``: check that what is configured works on this machine."""

from __future__ import annotations

import argparse

from demod_voice.cli.app import App, Parser, leaf
from demod_voice.cli.called import as_called


def register(parser: Parser) -> None:
    """Declare the command."""
    leaf(
        parser,
        run_health,
        examples=["demod-voice health", "demod-voice health --json"],
        description="Look at Python, engines (each installed one is started), GPU, disk, caches and licences. "
        "An engine that installs itself (espeak) is installed by this, since only that shows that it works. "
        "The exit code is 0 only when what is configured works.",
    )


def run_health(_args: argparse.Namespace, app: App) -> int:
    """Print a line for each check; 4 when one failed."""
    from demod_voice.api.health import check_health

    checks = check_health(app.settings, app.progress)
    app.close()
    failed = any(check.status == "failed" for check in checks)
    rows = [
        f"{check.status:8} {check.name:18} {check.detail}" + (f"\n{'':28}{check.hint}" if check.hint else "")
        for check in checks
    ]
    app.emit({"healthy": not failed, "checks": checks}, text=as_called("\n".join(rows)))
    return 4 if failed else 0

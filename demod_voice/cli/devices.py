"""``demod-voice devices``: which GPUs there are (list), and what they do from moment to moment (watch)."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from demod_voice.cli.app import App, Parser, command

if TYPE_CHECKING:
    from demod_voice.api.devices import DeviceList, DeviceRow

UP = "\033[{}A"
CLEAR = "\033[K"


def register(parser: Parser) -> None:
    """Declare ``devices list|watch``."""
    commands = parser.add_subparsers()
    command(
        commands,
        "list",
        "Every GPU: memory, load, temperature, links, and whether it may be used",
        _list,
        ["demod-voice devices list", "demod-voice devices list --gpu 0,2 --json"],
        description="Every GPU that this process may see. The numbers are those of --gpu and of device cuda:N.",
    )
    watch = command(
        commands,
        "watch",
        "The same again and again, until Ctrl-C",
        _watch,
        ["demod-voice devices watch", "demod-voice devices watch --json --interval 1 --count 60"],
        description="A line for each GPU, refreshed on a terminal; with --json a line for each look.",
    )
    watch.add_argument("--interval", metavar="S", type=float, default=2.0, help="seconds between looks (default: 2)")
    watch.add_argument("--count", metavar="N", type=int, default=0, help="end after so many looks (default: never)")


def _list(_: argparse.Namespace, app: App) -> None:
    from demod_voice.api.devices import list_devices
    from demod_voice.cli.output import table

    found = list_devices(settings=app.settings)
    links = ["", table(found.links, ("gpu", "gpu", "link"))] if found.links else []
    for note in found.notes:
        app.note(note)
    app.emit(_data(found), "\n".join([*_lines(found), *links]))


def _watch(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.devices import watch_devices

    looks = watch_devices(settings=app.settings, interval_s=args.interval, count=args.count)
    screen = _Screen() if sys.stdout.isatty() and not app.flags.json else None
    told: set[str] = set()
    try:
        for look in looks:
            lines = list(_lines(look))
            if screen is not None:
                lines = screen.over([*lines, *look.notes])
            for note in look.notes if screen is None else ():
                if note not in told:
                    app.note(note)
                told.add(note)
            app.emit_line(_data(look), "\n".join(lines))
    except KeyboardInterrupt:
        return


class _Screen:
    """The part of a terminal that is written over with each look."""

    def __init__(self) -> None:
        self._shown = 0

    def over(self, lines: list[str]) -> list[str]:
        """``lines`` as they cover the ones before, cut to the width: a line that wraps would be two."""
        width = shutil.get_terminal_size().columns - 1
        rows = [CLEAR + line[:width] for line in lines] + [CLEAR] * (self._shown - len(lines))
        rows[0] = (UP.format(self._shown) if self._shown else "") + rows[0]
        self._shown = len(rows)
        return rows


def _lines(found: DeviceList) -> Iterator[str]:
    from demod_voice.cli.output import table

    if found.rows:
        heads = ("gpu", "name", "memory MiB", "free", "promised", "load", "temp", "workers", "use", "uuid")
        yield from table([_cells(row) for row in found.rows], heads).splitlines()
    if found.reason:
        yield f"{'engines compute on the CPU' if found.rows else 'no GPU'}: {found.reason}"


def _cells(row: DeviceRow) -> tuple[object, ...]:
    each = row.device
    load = "-" if each.load is None else f"{each.load} %"
    temperature = "-" if each.temperature_c is None else f"{each.temperature_c} C"
    use = "yes" if row.allowed else "no"
    memory = (each.total_mb or "-", each.free_mb if each.total_mb else "-")
    return (each.number, each.name, *memory, row.promised_mb, load, temperature, row.workers, use, each.uuid)


def _data(found: DeviceList) -> dict[str, Any]:
    rows = [_row_data(row) for row in found.rows]
    links = [{"gpus": [one, other], "link": way} for one, other, way in found.links]
    return {"at": found.at, "devices": rows, "reason": found.reason, "notes": found.notes, "links": links}


def _row_data(row: DeviceRow) -> dict[str, Any]:
    each = row.device
    major, minor = each.capability
    return {
        "number": each.number,
        "name": each.name,
        "uuid": each.uuid,
        "kind": each.kind,
        "index": each.index,
        "mig": each.instance is not None,
        "total_mb": each.total_mb,
        "free_mb": each.free_mb,
        "promised_mb": row.promised_mb,
        "load_percent": each.load,
        "temperature_c": each.temperature_c,
        "compute_capability": f"{major}.{minor}" if major else None,
        "cores": each.cores,
        "processes": each.processes,
        "workers": row.workers,
        "allowed": row.allowed,
    }

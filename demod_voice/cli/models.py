"""``models``: pull, import, check and remove the models that engines load."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from demod_voice.cli.app import App, Parser, command
from demod_voice.cli.called import as_called
from demod_voice.cli.output import plain, table

if TYPE_CHECKING:
    from demod_voice.api.models import ModelStatus

FAILED = 4


def register(parser: Parser) -> None:
    """Declare ``models list|info|pull|import|verify|remove``."""
    commands = parser.add_subparsers()
    each = command(
        commands,
        "list",
        "Every model: what is here, and what can be pulled",
        _list,
        ["demod-voice models list", "demod-voice models list --engine whisper --json"],
    )
    each.add_argument("--engine", metavar="NAME", default="", help="only this engine's")
    info = command(
        commands, "info", "A model's files, source, licence and languages", _info, ["demod-voice models info xtts-v2"]
    )
    info.add_argument("name", metavar="NAME")
    _register_pull(commands)
    _register_import(commands)
    verify = command(
        commands,
        "verify",
        "Read every file of a model and compare it with its record",
        _verify,
        ["demod-voice models verify xtts-v2"],
    )
    verify.add_argument("name", metavar="NAME")
    remove = command(commands, "remove", "Remove a model", _remove, ["demod-voice models remove whisper-medium"])
    remove.add_argument("name", metavar="NAME")


def _register_pull(commands: argparse._SubParsersAction[Any]) -> None:
    pull = command(
        commands,
        "pull",
        "Fetch a model from its hub, or go on with it",
        _pull,
        [
            "demod-voice models pull whisper-small",
            "demod-voice models pull xtts-v2 --accept-licence cpml",
            "HF_TOKEN=... demod-voice models pull csm-1b",
        ],
        description="Fetch a model from its hub. What has come is kept: after a kill or a cut connection the same command "
        "goes on. Every file is compared with its size and hash, and the model is there only when it is whole.",
    )
    pull.add_argument("name", metavar="NAME")
    _add_accept(pull)
    pull.add_argument("--revision", metavar="R", default="", help="another commit, tag or branch than the registry's")
    pull.add_argument("--again", action="store_true", help="also when it is here: damaged files are fetched anew")


def _register_import(commands: argparse._SubParsersAction[Any]) -> None:
    bring = command(
        commands,
        "import",
        "Take in a model's files that were carried here by hand",
        _import,
        ["demod-voice models import /media/stick/xtts-v2 --accept-licence cpml"],
        description="Take in the files of a model from a folder: for machines without a network. Names, sizes, hashes and "
        "the kind of model are checked; the files are linked where the disk is the same, else copied.",
    )
    bring.add_argument("folder", metavar="FOLDER")
    bring.add_argument("--name", metavar="NAME", default="", help="which model it is (default: the one that fits)")
    _add_accept(bring)


def _add_accept(parser: Parser) -> None:
    parser.add_argument(
        "--accept-licence",
        "--accept-license",
        metavar="WORD",
        default="",
        help="accept the model's licence, by the word that `models info` names (cpml)",
    )


def _list(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.models import list_models

    found = list_models(engine=args.engine, settings=app.settings)
    rows = [(each.name, each.engine, _state(each), _size(each), each.licence, each.summary) for each in found]
    data = [_facts(each) for each in found]
    app.emit(data, table(rows, ("model", "engine", "state", "size", "licence", "what")))


def _info(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.models import hub_page, model_info, model_terms

    found = model_info(args.name, settings=app.settings)
    facts = {**_facts(found), "page": hub_page(found, app.settings)}
    shown = {key: value for key, value in facts.items() if key not in ("files", "accepted") and value not in ("", [])}
    lines = [f"{key:16} {_cell(value)}" for key, value in shown.items()]
    accepted = facts["accepted"]
    if accepted:
        lines.append(f"{'accepted':16} by {accepted['by']}, {accepted['at']} ({accepted['how']})")
    lines += [f"{'file':16} {_file(each)}" for each in facts["files"]]
    app.emit(facts, "\n".join([*lines, *([model_terms(found)] if found.entry is not None else [])]))


def _pull(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.models import PullOptions, pull_model

    options = PullOptions(args.accept_licence, args.again, args.revision)
    model, pulled = pull_model(args.name, options, settings=app.settings, progress=app.progress)
    app.close()
    data = {"name": args.name, "path": model.path, "revision": model.record.revision, "pulled": pulled}
    app.emit(data, f"{args.name}: {model.path}{'' if pulled else ' (was here already)'}")


def _import(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.models import import_model

    model = import_model(
        args.folder, name=args.name, accept=args.accept_licence, settings=app.settings, progress=app.progress
    )
    app.close()
    data = {"name": model.record.name, "path": model.path, "revision": model.record.revision}
    app.emit(data, f"{model.record.name}: {model.path}")


def _verify(args: argparse.Namespace, app: App) -> int:
    from demod_voice.api.models import verify_model

    checks = verify_model(args.name, settings=app.settings, progress=app.progress)
    app.close()
    wrong = [each for each in checks if each.status != "ok"]
    lines = [f"{each.status:8} {each.path}" for each in checks]
    if wrong:
        lines.append(f"fetch what is damaged anew: demod-voice models pull {args.name} --again")
    app.emit(checks, as_called("\n".join(lines)))
    return FAILED if wrong else 0


def _remove(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.models import format_size, remove_model

    freed = remove_model(args.name, settings=app.settings, progress=app.progress)
    app.close()
    app.emit({"freed_bytes": freed}, f"{format_size(freed)} freed")


def _state(status: ModelStatus) -> str:
    return f"partial {status.share:.0%}" if status.state == "partial" else status.state


def _size(status: ModelStatus) -> str:
    from demod_voice.api.models import format_size

    return format_size(status.num_bytes) if status.num_bytes else "?"


def _facts(status: ModelStatus) -> dict[str, Any]:
    """Everything that is known of a model, JSON."""
    entry, here = status.entry, status.installed
    record = here.record if here is not None else None
    files = record.files if record is not None else entry.files if entry is not None else ()
    return {
        "name": status.name,
        "engine": status.engine,
        "what": status.summary,
        "state": _state(status),
        "path": str(here.path) if here is not None else "",
        "read_only": here is not None and not here.own,
        "size_bytes": status.num_bytes or None,
        "source": status.source,
        "revision": record.revision if record is not None else entry.revision if entry is not None else "",
        "pinned_by_us": entry is not None and entry.pinned,
        "licence": status.licence,
        "licence_url": entry.licence_url if entry is not None else record.licence_url if record is not None else "",
        "accept_licence": entry.accept if entry is not None else "",
        "gated": entry is not None and entry.gated,
        "languages": list(entry.languages if entry is not None else record.languages if record is not None else ()),
        "accepted": plain(record.accepted) if record is not None else None,
        "files": [{"path": each.path, "size": each.size or None, "sha256": each.sha256 or None} for each in files],
    }


def _file(told: dict[str, Any]) -> str:
    from demod_voice.api.models import format_size

    size = format_size(told["size"]) if told["size"] is not None else "size ?"
    return f"{told['path']}  {size}  sha256 {told['sha256'] or '?'}"


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "?" if value is None else str(value)

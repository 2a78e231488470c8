"""Help: fast, complete, with examples, plain where it is not a terminal."""

from __future__ import annotations

import importlib.util
import os
import pty
import re
import subprocess
import sys

import pytest

from demod_voice.cli.app import root_parser
from demod_voice.cli.completion import walk
from demod_voice.cli.groups import ALIASES, GLOBAL_FLAGS, GROUPS, root_help
from demod_voice.cli.parser import Parser

HEAVY = (
    "argparse",
    "numpy",
    "scipy",
    "av",
    "soundfile",
    "soxr",
    "lameenc",
    "ruamel",
    "tqdm",
    "shtab",
    "babel",
    "typing",
)


def present_groups() -> list[str]:
    """Groups whose module is in this tree."""
    return [name for name, (module, _) in GROUPS.items() if importlib.util.find_spec(f"demod_voice.cli.{module}")]


def leaves() -> list[Parser]:
    parsers = root_parser().subparsers()
    return [each for name in present_groups() for each in walk(parsers[name]) if not each.subparsers()]


@pytest.mark.parametrize("argv", [(), ("-h",), ("--help",)])
def test_the_first_page_names_every_group(cli, argv):
    found = cli(*argv)
    assert (found.code, found.err) == (0, "")
    for name in [*GROUPS, *ALIASES]:
        assert re.search(rf"^  {name}  ", found.out, re.M)
    for names, _, _ in GLOBAL_FLAGS:
        assert ", ".join(names) in found.out
    assert max(map(len, found.out.splitlines())) <= 100


def test_the_first_page_is_the_same_with_a_flag_before_it(cli):
    assert cli("--quiet", "--help").out == cli("--help").out == root_help()


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_the_first_page_imports_nothing_heavy(argument):
    code = (
        "import sys; before = set(sys.modules); from demod_voice.cli import main; main([sys.argv[1]]);"
        "print('\\n'.join(set(sys.modules) - before), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, argument], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert loaded & set(HEAVY) == set()
    assert len(loaded) <= 3, loaded


def test_only_the_named_groups_module_is_imported(home):
    code = (
        "import sys; from demod_voice.cli import main; main(['config', 'path']);"
        "print(*[name for name in sys.modules if name.startswith('demod_voice.cli.')])"
    )
    out = subprocess.check_output([sys.executable, "-c", code], text=True).splitlines()[-1].split()
    assert "demod_voice.cli.config" in out
    assert not {f"demod_voice.cli.{module}" for module, _ in GROUPS.values()} - {"demod_voice.cli.config"} & set(out)
    assert not [name for name in out if name.split(".")[-1] in ("completion", "health", "episode", "voices")]


def test_a_group_without_a_module_breaks_nothing_else(cli, monkeypatch):
    monkeypatch.setitem(GROUPS, "ghost", ("ghost", "Not there"))
    assert cli("--help").code == 0
    found = cli("ghost", "list")
    assert (found.code, found.err) == (2, "error: the command ghost is not part of this installation\n")


@pytest.mark.parametrize("parser", leaves(), ids=lambda parser: parser.prog)
def test_every_command_has_a_description_examples_and_help_for_each_argument(parser: Parser):
    text = parser.format_help()
    assert parser.description
    assert "examples:\n" in text
    for line in (parser.epilog or "").splitlines()[1:]:
        assert "demod-voice" in line
    for action in parser._actions:
        assert action.help or not action.option_strings, f"{parser.prog}: {action.option_strings}"


@pytest.mark.parametrize("group", present_groups())
def test_every_groups_help_goes_through_the_entry(cli, group: str):
    found = cli(group, "--help")
    assert found.code == 0
    assert found.out.startswith(f"usage: demod-voice {group} [options]")
    assert "global options:" in found.out


@pytest.mark.parametrize("parser", leaves(), ids=lambda parser: parser.prog)
def test_every_example_parses(parser: Parser):
    import shlex

    for line in (parser.epilog or "").splitlines()[1:]:
        for part in re.split(r"[|>]|\$\(|\)", line):
            words = shlex.split(part.strip(), comments=True) if part.count('"') % 2 == 0 else []
            if words[:1] == ["demod-voice"]:
                args = root_parser().parse_args(words[1:])
                assert callable(args.run)


def test_help_does_not_list_global_flags_in_the_usage_line(cli):
    assert cli("config", "set", "-h").out.splitlines()[0] == "usage: demod-voice config set [options] key value"


@pytest.mark.parametrize("argv", [["--help"], ["config", "show", "--help"]])
@pytest.mark.parametrize(("variable", "bold"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_headings_are_bold_only_on_a_terminal_without_no_color(argv, variable, bold):
    environ = {**os.environ, "TERM": "xterm", **variable}
    assert ("\033[1m" in _on_a_terminal(argv, environ)) is bold
    piped = subprocess.check_output([sys.executable, "-m", "demod_voice", *argv], env=environ, text=True)
    assert "\033" not in piped


def _on_a_terminal(argv: list[str], environ: dict[str, str]) -> str:
    parent, child = pty.openpty()
    process = subprocess.Popen([sys.executable, "-m", "demod_voice", *argv], env=environ, stdout=child)
    os.close(child)
    text = b""
    while True:
        try:
            block = os.read(parent, 65536)
        except OSError:
            break
        if not block:
            break
        text += block
    os.close(parent)
    assert process.wait() == 0
    return text.decode()

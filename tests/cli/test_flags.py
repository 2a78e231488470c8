"""Global flags stand before or after the command; flags of a command override settings."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demod_voice.cli.app import add_setting_flag, command, leaf, overrides_of, root_parser
from demod_voice.cli.flags import GlobalFlags


def flags_of(argv: list[str]) -> GlobalFlags:
    parser = root_parser()
    parser.parse_args(argv)
    return GlobalFlags(parser.recorded)


_WORDS = st.sampled_from(
    [
        ("verbose", ["-v"]),
        ("verbose", ["--verbose"]),
        ("quiet", ["-q"]),
        ("json", ["--json"]),
        ("progress", ["--progress", "json"]),
        ("progress", ["--progress=off"]),
        ("log_file", ["--log-file", "a.log"]),
        ("log_file", ["--log-file=b.log"]),
        ("config", ["--config", "c.yaml"]),
        ("set", ["--set", "seed=1"]),
        ("set", ["--set", "jobs=2"]),
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(_WORDS, max_size=4), st.lists(_WORDS, max_size=4), st.lists(_WORDS, max_size=4))
def test_flags_mean_the_same_in_every_place(first, second, third):
    words = [[word for _, group in each for word in group] for each in (first, second, third)]
    found = flags_of([*words[0], "config", *words[1], "get", *words[2], "seed"])
    given_flags = [*first, *second, *third]

    def last(name: str) -> str | None:
        values = [words[-1].partition("=")[2] or words[-1] for flag, words in given_flags if flag == name]
        return values[-1] if values else None

    assert found.verbose == sum(flag == "verbose" for flag, _ in given_flags)
    assert found.quiet == any(flag == "quiet" for flag, _ in given_flags)
    assert found.json == any(flag == "json" for flag, _ in given_flags)
    assert found.progress == (last("progress") or "auto")
    assert found.log_file == last("log_file")
    assert found.config == last("config")
    assert found.set == [group[1] for flag, group in given_flags if flag == "set"]


def test_the_later_of_two_wins():
    found = flags_of(["--config", "a", "--set", "seed=1", "config", "show", "--config", "b", "--set", "seed=2"])
    assert found.config == "b"
    assert found.set == ["seed=1", "seed=2"]


@pytest.mark.parametrize(
    "argv",
    [("--json", "config", "get", "seed"), ("config", "--json", "get", "seed"), ("config", "get", "seed", "--json")],
)
def test_json_anywhere(cli, argv):
    assert json.loads(cli(*argv).out) == 42


@pytest.mark.parametrize("before", [True, False])
def test_set_and_config_reach_the_settings(cli, tmp_path, before):
    path = tmp_path / "x.yaml"
    path.write_text("jobs: 3\nseed: 5\n")
    extra = ["--config", str(path), "--set", "seed=7"]
    words = ["config", "show"]
    found = cli(*(extra + words if before else words + extra), "--json")
    values = json.loads(found.out)
    assert values["seed"] == {"value": 7, "origin": "flag"}
    assert values["jobs"] == {"value": 3, "origin": "file:1"}


@pytest.mark.parametrize(
    "argv", [("--version",), ("config", "--version"), ("config", "show", "--version"), ("-v", "--version")]
)
def test_version_anywhere(cli, argv):
    from demod_voice import __version__

    found = cli(*argv)
    assert (found.code, found.out, found.err) == (0, f"demod-voice {__version__}\n", "")


def test_short_flags_may_be_joined():
    assert flags_of(["-vv", "config", "show", "-vq"]).verbose == 3


def test_flags_after_two_dashes_are_arguments(cli, home):
    assert cli("config", "set", "paths.voices", "--", "--json").code == 0
    assert cli("config", "get", "paths.voices").out == "--json\n"


def test_a_flag_is_never_abbreviated(cli):
    found = cli("config", "show", "--verb")
    assert found.code == 2
    assert "did you mean --verbose?" in found.err


def test_a_negative_number_is_a_value(cli):
    assert cli("config", "set", "loudness.mono_lufs", "-18.5").code == 0
    assert cli("config", "get", "loudness.mono_lufs").out == "-18.5\n"


def test_setting_flags_override_and_absent_ones_do_not(cli, as_health):
    seen = {}

    def register(parser):
        def run(args, app):
            seen.update(overrides=overrides_of(args), seed=app.settings.seed, jobs=app.settings.jobs)

        leaf(parser, run, settings_flags={"workers": "jobs"})
        add_setting_flag(parser, "--seed", key="seed", metavar="N", help="seed")
        parser.add_argument("--workers", type=int)

    as_health(register=register)
    assert cli("health", "--seed", "7", "--set", "seed=8", "--set", "jobs=9").code == 0
    assert seen == {"overrides": {"seed": "7"}, "seed": 7, "jobs": 9}
    assert cli("health", "--workers", "0").code == 0
    assert seen == {"overrides": {"jobs": 0}, "seed": 42, "jobs": 0}
    found = cli("health", "--seed", "x")
    assert (found.code, "seed: 'x' is not a whole number" in found.err) == (2, True)


def test_setting_flags_may_be_declared_before_or_after_the_command(as_health):
    def register(parser):
        commands = parser.add_subparsers()
        one = command(commands, "one", "One", lambda args, app: None, settings_flags={"jobs": "jobs"})
        add_setting_flag(one, "--seed", key="seed")
        two = commands.add_parser("two")
        add_setting_flag(two, "--seed", key="seed")
        leaf(two, lambda args, app: None, settings_flags={"jobs": "jobs"})

    as_health(register=register)
    for name in ("one", "two"):
        args = root_parser().parse_args(["health", name, "--seed", "1"])
        assert args.settings_flags == {"seed": "seed", "jobs": "jobs"}


def test_an_alias_is_the_words_it_stands_for(monkeypatch, as_health):
    from demod_voice.cli.groups import ALIASES

    monkeypatch.setitem(ALIASES, "config-get", ("config", "get"))
    parser = root_parser()
    args = parser.parse_args(["--json", "config-get", "-v", "seed"])
    assert (args.key, args.run.__name__) == ("seed", "run_get")
    assert GlobalFlags(parser.recorded).json
    assert GlobalFlags(parser.recorded).verbose == 1


def test_a_wrong_setting_names_its_nearest(cli):
    found = cli("--set", "sed=1", "config", "show")
    assert found.code == 2
    assert "unknown key sed (did you mean seed?)" in found.err


def test_module_entry_is_the_same_program():
    out = subprocess.check_output([sys.executable, "-m", "demod_voice", "config", "get", "seed"], text=True)
    assert out == "42\n"

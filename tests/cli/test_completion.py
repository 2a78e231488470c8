"""Completion scripts: valid in their shell, and they know every command and flag."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from demod_voice.cli.groups import GROUPS


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_the_script_of_each_shell_knows_every_group(cli, shell):
    found = cli("completion", shell)
    assert (found.code, found.err) == (0, "")
    for name in GROUPS:
        assert name in found.out
    assert "progress" in found.out


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["demod-voice", "conf"], {"config"}),
        (["demod-voice", "config", "s"], {"show", "set"}),
        (["demod-voice", "config", "init", "--fo"], {"--force"}),
        (["demod-voice", "config", "init", "--js"], {"--json"}),
        (["demod-voice", "completion", "b"], {"bash"}),
        (["demod-voice", "--progress", ""], {"auto", "json", "off"}),
        (["demod-voice", "episode", "ren"], {"render"}),
    ],
)
def test_bash_completes(cli, tmp_path, words, expected):
    script = tmp_path / "completion.bash"
    script.write_text(cli("completion", "bash").out)
    quoted = " ".join(f"'{word}'" for word in words)
    code = (
        f"source {script}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; "
        '_shtab_demod_voice demod-voice "${COMP_WORDS[COMP_CWORD]}" ""; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    out = subprocess.check_output(["bash", "--norc", "-c", code], text=True)
    assert set(out.split()) == expected


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh")
def test_the_zsh_script_is_valid(cli, tmp_path):
    script = tmp_path / "_demod-voice"
    script.write_text(cli("completion", "zsh").out)
    assert subprocess.run(["zsh", "-n", str(script)]).returncode == 0


def test_help_says_how_to_install(cli):
    out = cli("completion", "--help").out
    for shell in ("bash", "zsh", "tcsh"):
        assert f"demod-voice completion {shell} >" in out

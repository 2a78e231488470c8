"""docs/cli.md and docs/config.md are what the parsers and the settings say."""

from __future__ import annotations

from demod_voice.cli import docs
from demod_voice.cli.groups import ALIASES, GROUPS
from demod_voice.config.schema import keys
from demod_voice.errors import EXIT_INTERRUPTED, DemodError


def test_the_pages_are_up_to_date(capsys):
    assert docs.main(["--check"]) == 0, "run: python -m demod_voice.cli.docs"


def test_every_command_and_alias_is_on_the_page():
    text = docs.cli_reference()
    for name in GROUPS:
        assert f"\n## {name}\n" in text
    for alias, words in ALIASES.items():
        assert f"| `{alias}` | `{' '.join(words)}` |" in text
    assert "\n### config set\n" in text
    assert "| `-o, --output FILE` |" in text


def test_every_key_is_on_the_page():
    text = docs.references()[docs.DOCS / "config.md"]
    for name in keys():
        assert f"| `{name}` |" in text
    assert "`engines.<name>.python`" in text


def test_every_exit_code_of_the_error_tree_is_listed():
    listed = {code for code, _ in docs.EXIT_CODES}
    waiting, codes = [DemodError], {EXIT_INTERRUPTED}
    while waiting:
        kind = waiting.pop()
        codes.add(kind.exit_code)
        waiting += kind.__subclasses__()
    assert codes <= listed


def test_check_notices_and_writing_mends(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(docs, "DOCS", tmp_path)
    assert docs.main(["--check"]) == 1
    assert not list(tmp_path.iterdir())
    assert docs.main([]) == 0
    assert {each.name for each in tmp_path.iterdir()} == {"cli.md", "config.md"}
    assert docs.main(["--check"]) == 0
    (tmp_path / "cli.md").write_text("old")
    assert docs.main(["--check"]) == 1

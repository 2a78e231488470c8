"""Pages that are made from code are up to date, and the example in CONTRIBUTING.md works."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import wave
from array import array
from pathlib import Path

import pytest
from demod_worker import messages

ROOT = Path(__file__).resolve().parents[2]
FILE = re.compile(r"`(hum/[\w.]+)`\n\n```\w+\n(.*?)```", re.DOTALL)


@pytest.fixture
def tool(monkeypatch):
    """tools/protocol.py as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import protocol

    return protocol


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])}
    return subprocess.run(
        [sys.executable, "-m", "demod_voice", *arguments],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_protocols_page_is_up_to_date(tool):
    assert tool.main(["--check"]) == 0, "run: python tools/protocol.py"


def test_the_protocols_page_has_every_field_of_every_message(tool):
    text = tool.tables(tool.SOURCE.read_text())
    for name, kind in vars(messages).items():
        if isinstance(kind, type) and hasattr(kind, "__dataclass_fields__"):
            part = text.partition(f"### {name}\n")[2].partition("###")[0]
            assert all(f"| `{field}` |" in part for field in kind.__dataclass_fields__), name
    assert all(f"`{name}`" in text for name in (*messages.OPERATIONS, *messages.ERROR_CODES, *messages.ENCODINGS))


def test_a_stale_page_is_noticed_and_mended(tool, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tool, "PAGE", tmp_path / "protocol.md")
    tool.PAGE.write_text(f"# Page\n{tool.BEGIN}\nold\n{tool.END}\nthe end\n")
    assert tool.main(["--check"]) == 1
    assert "old" in tool.PAGE.read_text()
    assert tool.main([]) == 0
    assert tool.main(["--check"]) == 0
    text = tool.PAGE.read_text()
    assert text.startswith("# Page\n")
    assert text.endswith("\nthe end\n")
    assert "### SpeakItem" in text
    tool.PAGE.write_text("no markers")
    with pytest.raises(SystemExit, match="lost its markers"):
        tool.main([])


def test_types_and_defaults_are_written_as_json_has_them(tool):
    source = (
        "@dataclass(frozen=True)\nclass A:\n    '''What.'''\n    a: Optional[str] = None\n    '''One | two.'''\n"
        "    b: Tuple[Word, ...] = ()\n    c: Dict[str, Any] = field(default_factory=dict)\n    d: int\n"
    )
    rows = tool.tables(source).splitlines()
    assert rows[:3] == ["### A", "", "What."]
    assert rows[-4:] == [
        "| `a` | text or null | `null` | One \\| two. |",
        "| `b` | list of `Word` | `[]` |  |",
        "| `c` | object | `{}` |  |",
        "| `d` | whole number | required |  |",
    ]


def test_every_decision_is_in_the_index():
    folder = ROOT / "docs" / "adr"
    pages = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    index = (folder / "README.md").read_text()
    assert [path.name[:4] for path in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    for path in pages:
        number, _, title = path.read_text().splitlines()[0].removeprefix("# ").partition(" ")
        assert f"| [{number}]({path.name}) | {title} |" in index
        assert all(f"**{part}.**" in path.read_text() for part in ("Context", "Decision", "Consequences"))


@pytest.mark.slow
def test_the_example_engine_of_the_guide_passes_the_check(tmp_path, monkeypatch):
    files = FILE.findall((ROOT / "CONTRIBUTING.md").read_text())
    assert [name for name, _ in files] == ["hum/engine.toml", "hum/worker.py"]
    (tmp_path / "hum").mkdir()
    for name, text in files:
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__SEARCH_PATH", str(tmp_path))
    installed = command("engines", "install", "hum", cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    checked = command("--json", "engines", "check", "hum", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    statuses = {each["status"] for each in json.loads(checked.stdout)}
    assert "passed" in statuses
    assert statuses <= {"passed", "skipped"}
    spoken = command("speak", "Hello there.", "--engine", "hum", "-o", "hello.wav", cwd=tmp_path)
    assert spoken.returncode == 0, spoken.stderr
    with wave.open(str(tmp_path / "hello.wav")) as file:
        sound = array("h", file.readframes(file.getnframes()))
    assert max(sound) > 2000

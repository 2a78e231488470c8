"""Takes of an episode: another seed, a choice, a lock; what ends them, and that a render keeps its bytes with them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from support.scripts import script_text
from support.signals import sine, wav

from demod_voice.api.episodes import clean_episode, render_episode
from demod_voice.api.takes import choose_take, describe_takes, list_takes, lock_take, redo_take, take_rows, unlock_take
from demod_voice.cli import main
from demod_voice.config import load_settings
from demod_voice.config.folders import cache_folder
from demod_voice.errors import FaultsError, UsageError
from demod_voice.records.hashing import hash_file
from demod_voice.speech.cache import SpeechCache

pytestmark = pytest.mark.usefixtures("fake_engine")
LINES = ["Good evening.", "And welcome back.", "Yes.", "Sure.", "Yes."]


class Notes:
    """A progress that keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def start(self, step: str, total: float, unit: str = "") -> None: ...

    def advance(self, step: str, amount: float = 1.0) -> None: ...

    def finish(self, step: str) -> None: ...

    def note(self, message: str) -> None:
        self.notes.append(message)


@pytest.fixture
def show(rendered, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A rendered episode beside its script ``show.md``."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    return rendered(script_text(LINES))


def first_line(show: Path) -> str:
    return str(list_takes(show, settings=load_settings()).lines[0].line)


def again(show: Path, notes: Notes | None = None, **changes: object):
    settings = replace(load_settings(), **changes)  # type: ignore[arg-type]
    return render_episode(show.with_suffix(".md"), show, settings=settings, progress=notes or Notes())


def test_every_line_is_listed_with_its_take(show: Path):
    found = list_takes(show, settings=load_settings()).lines
    assert [line.text for line in found] == LINES
    assert [[take.use for take in line.takes] for line in found] == [["used"]] * 5
    assert all(line.takes[0].path.is_file() and line.takes[0].length_s > 0 for line in found)
    assert found[2].takes[0].seed != found[4].takes[0].seed
    assert len(take_rows(found)) == 5


def test_redo_gives_another_sound_beside_the_old_one_and_choose_makes_a_render_use_it(show: Path):
    line = first_line(show)
    before = hash_file(show)
    _, old = redo_take(show, line, seed=42, settings=load_settings())
    assert (old.number, old.use) == (1, "used"), "the episode's own seed gives the take that is there"
    row, new = redo_take(show, line, settings=load_settings())
    assert [take.number for take in row.takes] == [1, 2]
    assert hash_file(row.takes[0].path) != hash_file(new.path)
    again(show)
    assert hash_file(show) == before, "it is not used before it is chosen"
    choose_take(show, line, "2", settings=load_settings())
    report = again(show)
    assert report.metrics["utterances_generated"] == 0
    assert report.manifest["segments"][0]["seed"] == new.seed
    assert report.manifest["segments"][0]["locked"] is False
    assert hash_file(show) != before
    choose_take(show, line, old.key[:8], settings=load_settings())
    again(show)
    assert hash_file(show) == before


def test_a_chosen_take_gives_the_same_bytes_in_another_folder_and_without_the_cache(show: Path, tmp_path: Path):
    line = first_line(show)
    _, new = redo_take(show, line, settings=load_settings())
    choose_take(show, line, new.key, settings=load_settings())
    again(show)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copytree(show.with_suffix(".demod"), other / "show.demod")
    shutil.rmtree(other / "show.demod" / "steps")
    shutil.rmtree(cache_folder(), ignore_errors=True)
    render_episode(show.with_suffix(".md"), other / "show.wav", settings=load_settings())
    assert hash_file(other / "show.wav") == hash_file(show)
    assert (other / "show.manifest.json").read_bytes() == show.with_name("show.manifest.json").read_bytes()


def test_a_lock_survives_another_voice_a_moved_line_and_a_new_chapter_but_not_other_words(show: Path):
    line = first_line(show)
    _, new = redo_take(show, line, settings=load_settings())
    choose_take(show, line, str(new.number), lock=True, settings=load_settings())
    sha = hash_file(new.path)
    script = show.with_suffix(".md")
    text = script.read_text()
    moved = text.replace("Ada: Good evening.\n\n", "").rstrip() + "\n\n## Later\n\nAda: Good evening.\n"
    for changed in (text, moved.replace("voice: low", "voice: default")):
        script.write_text(changed)
        (locked,) = [each for each in again(show).manifest["segments"] if each["locked"]]
        assert (locked["text"], locked["take_sha256"]) == ("Good evening.", sha)
    script.write_text(text.replace("Good evening.", "Good morning."))
    notes = Notes()
    assert not any(each["locked"] for each in again(show, notes).manifest["segments"])
    assert "locked take of Ada: 'Good evening.'" in "\n".join(notes.notes)
    found = list_takes(show, settings=load_settings())
    assert any("Good evening." in each for each in describe_takes(found))
    script.write_text(text)
    assert again(show).manifest["segments"][0]["locked"] is True


def test_a_choice_without_a_lock_ends_with_the_voice_that_it_was_made_with_and_says_so(show: Path):
    line = first_line(show)
    redo_take(show, line, settings=load_settings())
    choose_take(show, line, "2", settings=load_settings())
    script = show.with_suffix(".md")
    script.write_text(script.read_text().replace("voice: low", "voice: default"))
    notes = Notes()
    report = again(show, notes)
    assert report.metrics["utterances_generated"] == 3
    assert "its line asks for another voice" in "\n".join(notes.notes)


def test_a_recording_is_listed_and_has_no_takes(show: Path):
    wav(show.with_name("eve.wav"), sine(440.0, 1.0, -20.0, 24000), 24000)
    script = show.with_suffix(".md")
    script.write_text(script.read_text() + "\nBen: [audio eve.wav] She said so.\n")
    recorded = list_takes(show, settings=load_settings()).lines[-1]
    assert (recorded.recorded, recorded.takes) == (True, ())
    assert take_rows([recorded])[0][3] == "recording"
    with pytest.raises(UsageError, match="is a recording"):
        redo_take(show, str(recorded.line), settings=load_settings())


def test_lock_and_unlock(show: Path):
    line = first_line(show)
    _, locked = lock_take(show, line, settings=load_settings())
    assert locked.use == "locked"
    with pytest.raises(UsageError, match="is locked"):
        _, new = redo_take(show, line, settings=load_settings())
        choose_take(show, line, new.key, settings=load_settings())
    unlock_take(show, line, settings=load_settings())
    assert list_takes(show, settings=load_settings()).lines[0].takes[0].use == "used"
    with pytest.raises(UsageError, match="no locked take"):
        unlock_take(show, line, settings=load_settings())


def test_a_locked_take_that_is_gone_stops_the_render_before_anything_is_spoken(show: Path):
    _, locked = lock_take(show, first_line(show), settings=load_settings())
    locked.path.write_bytes(b"")
    shutil.rmtree(cache_folder(), ignore_errors=True)
    with pytest.raises(FaultsError, match=r"locked take of Ada.*gone or damaged"):
        again(show)


def test_choices_outlive_a_render_that_kept_nothing(show: Path):
    lock_take(show, first_line(show), settings=load_settings())
    work = show.with_suffix(".demod")
    for name in ("takes", "steps"):
        shutil.rmtree(work / name)
    with pytest.raises(FaultsError):
        again(show)
    assert (work / "chosen.json").is_file()


def test_a_locked_take_that_is_gone_comes_back_from_the_cache(show: Path):
    _, locked = lock_take(show, first_line(show), settings=load_settings())
    before = hash_file(show)
    SpeechCache(load_settings()).put(locked.key, locked.path.parent)
    locked.path.unlink()
    again(show)
    assert hash_file(show) == before


def test_an_engine_without_seeds_says_that_another_take_would_be_the_same(show: Path, monkeypatch, tmp_path: Path):
    folder = tmp_path / "engines" / "fake"
    shutil.copytree(Path(__file__).parents[1] / "fakes" / "fake", folder)
    toml = folder / "engine.toml"
    toml.write_text(toml.read_text().replace("seeded = true", "seeded = false"))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__SEARCH_PATH", str(folder.parent))
    with pytest.raises(UsageError, match="same sound with any seed"):
        redo_take(show, first_line(show), settings=load_settings())


def test_clean_does_not_lose_a_lock_unless_it_is_told_to(show: Path):
    lock_take(show, first_line(show), settings=load_settings())
    with pytest.raises(UsageError, match="1 locked and 0 chosen"):
        clean_episode(show, settings=load_settings())
    assert clean_episode(show, settings=load_settings(), force=True) > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["redo", "999"], "there is no line '999'"),
        (["redo"], "takes one LINE"),
        (["choose", "FIRST", "7"], "has no take '7'"),
        (["list", "3"], "takes no LINE"),
    ],
)
def test_what_cannot_be_is_said_with_what_could_be(show: Path, capsys, words: list[str], said: str):
    words = [first_line(show) if word == "FIRST" else word for word in words]
    assert main(["episode", "takes", str(show), *words]) == 2
    assert said in capsys.readouterr().err


def test_the_command_line_tells_the_whole_way(show: Path, capsys):
    line = first_line(show)
    assert main(["episode", "takes", str(show), "redo", line, "--seed", "7", "--choose"]) == 0
    assert "the next render uses it" in capsys.readouterr().out
    assert main(["episode", "takes", str(show), "lock", line]) == 0
    assert main(["episode", "takes", str(show), "--json"]) == 0
    out = capsys.readouterr().out
    assert "take 2 is locked" in out
    data = json.loads(out[out.index("{") :])
    assert [take["use"] for take in data["lines"][0]["takes"]] == ["", "locked"]
    assert main(["episode", "takes", str(show), "unlock", line]) == 0
    assert main(["episode", "takes", str(show)]) == 0
    assert " chosen " in capsys.readouterr().out


def test_a_damaged_file_of_choices_is_named(show: Path):
    (show.with_suffix(".demod") / "chosen.json").write_text('{"schema": 1, "choices": [{}]}')
    with pytest.raises(UsageError, match=r"chosen\.json cannot be read"):
        again(show)

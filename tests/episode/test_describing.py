"""What a person reads on the screen after a check and a render."""

from __future__ import annotations

from pathlib import Path

import pytest

from demod_voice.api.episodes import check_episode, describe_check, describe_render, render_episode
from demod_voice.config import load_settings

pytestmark = pytest.mark.usefixtures("fake_engine")
SCRIPT = """\
episode:
  title: Odd
  speakers: {Ada: {engine: fake, voice: low}, Ben: {engine: fake, voice: high}}
  segments:
    - {type: chapter, title: One}
    - {speaker: Ada, text: Hello there., anchor_idx: 1}
    - {speaker: Ben, text: Hello Ada.}
    - {speaker: Ada, text: And again., anchor_idx: 1}
"""


def test_a_render_tells_what_was_spoken_and_kept_where_it_is_and_what_could_not_be_done(
    write_script, tmp_path: Path
) -> None:
    script, output, settings = write_script(SCRIPT, "show.yaml"), tmp_path / "show.wav", load_settings()
    told = describe_render(render_episode(script, output, settings=settings))
    assert told[0].endswith("; 3 lines: 3 spoken, 0 kept")
    assert told[-2].startswith(str(tmp_path / "show.demod"))
    assert told[-1] == "fake cannot use the hint anchor_idx (lines 6, 8)"
    again = describe_render(render_episode(script, output, settings=settings))
    assert again[0].endswith("; 3 lines: 0 spoken, 3 kept")


def test_one_of_a_thing_is_not_called_by_its_plural(write_script) -> None:
    told = describe_check(check_episode(write_script(SCRIPT, "show.yaml"), settings=load_settings()))
    assert "3 lines, 6 words, 1 chapter, about" in told[0]
    assert told[2] == "  Ben: 1 line, fake/high"


def test_the_length_is_estimated_at_the_pace_of_each_engine_and_voice(write_script, espeak_engine: Path) -> None:
    """espeak speaks prose at about 195 words a minute: two hundred words and no pause to speak of are a minute."""
    text = "It is a quiet morning, and the boat that we sold has come back into the harbour. " * 12
    for speed, seconds in ((1.0, 60.0), (2.0, 30.0)):
        script = write_script(f"---\nspeakers:\n  Ada: {{engine: espeak, speed: {speed}}}\n---\nAda: {text}\n")
        report = check_episode(script, settings=load_settings())
        assert report.words == 204
        assert report.estimated_s == pytest.approx(seconds, rel=0.1)


def test_files_of_an_earlier_render_in_other_formats_are_named(write_script, tmp_path: Path) -> None:
    script, settings = write_script(SCRIPT, "show.yaml"), load_settings()
    render_episode(script, tmp_path / "show.flac", settings=settings)
    told = describe_render(render_episode(script, tmp_path / "show.wav", settings=settings))
    assert [line for line in told if "older" in line] == [
        f"{tmp_path / 'show.flac'}  is older: not made by this render, and not in its manifest"
    ]


def test_a_line_of_an_engine_without_seeds_has_none_in_the_manifest(
    write_script, tmp_path: Path, espeak_engine: Path
) -> None:
    head = "---\nspeakers:\n  Ada: {engine: espeak}\n  Ben: {engine: fake, voice: low}\n---\n"
    script = write_script(head + "Ada: Hello.\n\nBen: Hello.\n")
    report = render_episode(script, tmp_path / "show.wav", settings=load_settings())
    first, second = (each["seed"] for each in report.manifest["segments"])
    assert first is None
    assert second > 0

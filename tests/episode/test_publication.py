"""What lies beside a rendered episode: every format with its tags, chapters, transcripts, and the item of a feed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from support.pictures import picture
from support.signals import sine, wav
from support.tag_readers import tags_of

from demod_voice.api.episodes import RenderReport, render_episode
from demod_voice.config import load
from demod_voice.config.settings import Settings
from demod_voice.episode import publication as publishing
from demod_voice.errors import MediaError, UsageError
from demod_voice.media.encode import FORMATS
from demod_voice.publish.feed import ITUNES, PODCAST
from demod_voice.records.hashing import hash_file

FAKES = Path(__file__).resolve().parents[1] / "fakes"
HEAD = """---
title: The cupboard
album: The studio
author: Ada
date: 2026-01-31
episode: 7
cover: cover.png
language: de
chapters:
  The coats: {image: coats.jpg, url: "https://example.org/coats"}
speakers:
  Ada: {engine: fake, voice: low}
  Eve:
---
"""
SCRIPT = HEAD + "\n## The coats\n\nAda: There are eleven.\n\n## The end\n\nAda: Now ten.\n"
RECORDED = HEAD + "\n## The coats\n\nEve: [audio talk.wav 0-1] There are eleven.\n"


def settings(**flags: Any) -> Settings:
    """The fake engine's, with an address of the files."""
    own = {"engines.search_path": [str(FAKES)], "engines.fake.python": sys.executable, "cache.enabled": False}
    return load({**own, "publish.base_url": "https://example.org/show", **flags}).settings


def render(folder: Path, text: str, given: Settings, *formats: str) -> RenderReport:
    folder.mkdir(exist_ok=True)
    (folder / "show.md").write_text(text)
    (folder / "cover.png").write_bytes(picture("png"))
    wav(folder / "talk.wav", sine(440, 1.0, -20.0, 24000), 24000, "pcm_s16le")
    return render_episode(folder / "show.md", folder / "show.mp3", settings=given, formats=formats)


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("show")
    render(folder, SCRIPT, settings(), *FORMATS)
    return folder


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_marked_and_tagged(show: Path, format: str) -> None:
    found = tags_of(show / f"show.{format}")
    licence = "Ada: MIT"
    if format == "wav":
        assert found["ICMT"].endswith(f"SYNTHETIC_SPEECH=true; VOICE_LICENCE={licence}")
        return
    assert (found["SYNTHETIC_SPEECH"], found["VOICE_LICENCE"]) == ("true", licence)
    assert found["cover"] == ("image/png", (show / "cover.png").read_bytes())
    assert [title for _, title in found["chapters"]] == ["The coats", "The end"]


def test_chapters_and_transcripts_tell_the_manifest_s_times(show: Path) -> None:
    story = json.loads((show / "show.manifest.json").read_text())
    chapters = json.loads((show / "show.chapters.json").read_text())["chapters"]
    assert [each["startTime"] for each in chapters] == pytest.approx(
        [each["start_sec"] for each in story["chapters"]], abs=0.001
    )
    assert chapters[0]["img"] == "https://example.org/show/coats.jpg"
    assert chapters[0]["url"] == "https://example.org/coats"
    assert "img" not in chapters[1]
    segments = json.loads((show / "show.transcript.json").read_text())["segments"]
    assert [(each["speaker"], each["body"]) for each in segments] == [("Ada", "There are eleven."), ("Ada", "Now ten.")]
    assert [word["body"] for word in segments[0].get("words", [])] in ([], ["There", "are", "eleven."])


def test_the_item_is_true(show: Path) -> None:
    item = ElementTree.parse(show / "show.item.xml").getroot()
    enclosure = item.find("enclosure")
    assert enclosure is not None
    assert enclosure.attrib == {
        "url": "https://example.org/show/show.mp3",
        "length": str((show / "show.mp3").stat().st_size),
        "type": "audio/mpeg",
    }
    assert item.findtext("pubDate") == "Sat, 31 Jan 2026 00:00:00 +0000"
    assert item.findtext(f"{{{ITUNES}}}episode") == "7"
    assert len(item.findall(f"{{{PODCAST}}}alternateEnclosure")) == len(FORMATS) - 1
    assert [each.text for each in item.findall(f"{{{PODCAST}}}person")] == ["Ada"]


def test_the_manifest_has_every_file_and_every_licence(show: Path) -> None:
    story = json.loads((show / "show.manifest.json").read_text())
    assert story["files"] == {name: hash_file(show / name) for name in story["files"]}
    assert {f"show.{each}" for each in ("mp3", "vtt", "srt", "transcript.json", "chapters.json", "item.xml")} <= set(
        story["files"]
    )
    assert story["voice_licences"] == [{"speaker": "Ada", "engine": "fake", "licence": "MIT", "kind": "free"}]
    assert story["synthetic_speech"] is True
    assert all(each["encodes"] == 1 for each in story["loudness"]["files"].values())


def test_one_at_a_time_gives_the_same_bytes(show: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "_processors", lambda: 1)
    render(tmp_path, SCRIPT, settings(), "opus", "m4a")
    for name in ("show.mp3", "show.opus", "show.m4a", "show.chapters.json"):
        assert hash_file(tmp_path / name) == hash_file(show / name), name


def test_an_episode_of_recordings_is_not_marked(tmp_path: Path) -> None:
    story = render(tmp_path, RECORDED, settings(**{"publish.licence_policy": "refuse"})).manifest
    found = tags_of(tmp_path / "show.mp3")
    assert "SYNTHETIC_SPEECH" not in found
    assert "VOICE_LICENCE" not in found
    assert (story["synthetic_speech"], story["voice_licences"]) == (False, [])


def test_a_chapter_list_that_is_gone_takes_its_file_along(tmp_path: Path) -> None:
    render(tmp_path, SCRIPT, settings())
    assert (tmp_path / "show.chapters.json").exists()
    head = HEAD.replace(HEAD[HEAD.index("chapters:") : HEAD.index("speakers:")], "")
    render(tmp_path, head + "Ada: There are eleven.\n", settings())
    assert not (tmp_path / "show.chapters.json").exists()
    assert "podcast:chapters" not in (tmp_path / "show.item.xml").read_text()


@pytest.mark.parametrize(("policy", "said"), [("label", "Ada: CPML (non-commercial)"), ("allow", None)])
def test_a_voice_that_may_not_be_sold_is_labelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str, said: str | None
) -> None:
    bound(monkeypatch)
    story = render(tmp_path, SCRIPT, settings(**{"publish.licence_policy": policy})).manifest
    assert tags_of(tmp_path / "show.mp3").get("VOICE_LICENCE") == said
    assert story["voice_licences"][0]["kind"] == "non-commercial"
    assert story["notes"] == ([f"not for commercial use: {said}"] if said else [])
    assert story["warnings"] == []


def test_a_voice_that_may_not_be_sold_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound(monkeypatch)
    with pytest.raises(UsageError, match=r"Ada: CPML \(non-commercial\) \(fake\)"):
        render(tmp_path, SCRIPT, settings(**{"publish.licence_policy": "refuse"}))
    assert not (tmp_path / "show.demod").exists()


def bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Voices as XTTS has them."""
    monkeypatch.setattr(publishing, "voice_licences", lambda _: (publishing.VoiceLicence("Ada", "fake", "CPML"),))


def test_a_cover_that_is_none_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"show\.md is neither JPEG nor PNG"):
        render(tmp_path, SCRIPT.replace("cover.png", "show.md"), settings())
    assert not (tmp_path / "show.demod").exists()


def test_a_chapter_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no chapter is called 'The boats'") as caught:
        render(tmp_path, SCRIPT.replace("The coats: {", "The boats: {"), settings())
    assert "did you mean The coats?" in str(caught.value)

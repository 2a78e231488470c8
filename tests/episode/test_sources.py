"""Casts and shows: what a script inherits, who beats whom, and every fault with its file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from demod_voice.api.episodes import check_episode, describe_check, render_episodes
from demod_voice.config import load_settings
from demod_voice.config.settings import DEFAULTS
from demod_voice.episode.mix_settings import layers_of
from demod_voice.episode.plan import Plan, read_plan
from demod_voice.episode.sources import Sources
from demod_voice.errors import FaultsError, UsageError
from demod_voice.formats.script import SpeakerSpec

SCRIPT = "---\ntitle: T\nspeakers:\n  Ada: {engine: espeak, voice: en-us+f3}\n---\nAda: Hi."


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)


def plan(folder: Path, script: str = SCRIPT, **sources: Path) -> Plan:
    write(folder, a_md=script)
    return read_plan(folder / "a.md", DEFAULTS, Sources(**sources))


def faults(folder: Path, script: str = SCRIPT, **sources: Path) -> list[tuple[str, int | None, str]]:
    with pytest.raises(FaultsError) as error:
        plan(folder, script, **sources)
    return [(Path(fault.source).name, fault.line, fault.message) for fault in error.value.faults]


def speakers(made: Plan) -> dict[str, SpeakerSpec]:
    return dict(made.script.speakers)


def test_a_cast_replaces_and_completes_the_speakers(tmp_path: Path) -> None:
    write(tmp_path, cast_yaml="Ada: {engine: espeak, voice: en-gb}\nBen: de\n")
    made = plan(tmp_path, SCRIPT + "\nBen: Hallo.", cast=tmp_path / "cast.yaml")
    assert {name: spec.voice for name, spec in speakers(made).items()} == {"Ada": "en-gb", "Ben": "de"}
    assert [line.speaker for line in made.lines] == ["Ada", "Ben"]
    assert speakers(made)["Ben"].source == str(tmp_path / "cast.yaml")


def test_a_script_may_have_no_speakers_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, cast_yaml="speakers:\n  Ada: en-gb\n  Ben: de\n")
    assert len(plan(tmp_path, "Ada: Hi.\nBen: Ho.", cast=tmp_path / "cast.yaml").lines) == 2


def test_who_beats_whom(tmp_path: Path) -> None:
    write(
        tmp_path,
        show_yaml="language: de\ntitle: S\nauthor: W\ncast: {Ada: a1, Ben: b1, Cat: c1, Dan: d1}\n",
        front_yaml="Ada: a2\nBen: b2\nCat: c2\n",
        cast_yaml="Ada: a4\n",
    )
    script = "---\nalbum: Own\ncast: front.yaml\nspeakers: {Ada: a3, Ben: b3}\n---\nEve: Hi."
    write(tmp_path, a_md=script)
    with pytest.raises(FaultsError) as error:
        read_plan(tmp_path / "a.md", DEFAULTS, Sources(cast=tmp_path / "cast.yaml"))
    assert "speakers: Ada, Ben, Cat, Dan" in str(error.value)
    made = plan(tmp_path, script.replace("Eve: Hi.", "Ada: [audio a.md]"), cast=tmp_path / "cast.yaml")
    assert {name: spec.voice for name, spec in speakers(made).items()} == {
        "Ada": "a4", "Ben": "b3", "Cat": "c2", "Dan": "d1",
    }  # fmt: skip
    assert (made.language, made.script.metadata) == ("de", {"author": "W", "album": "Own"})


def test_the_nearest_show_counts_and_a_script_of_that_name_is_none(tmp_path: Path) -> None:
    inner = tmp_path / "one" / "two"
    inner.mkdir(parents=True)
    write(tmp_path, show_yaml="author: Far")
    assert plan(inner).script.show.author == "Far"
    write(tmp_path / "one", show_yaml="author: Near")
    assert plan(inner).script.show.author == "Near"
    write(inner, show_yaml="episode: {speakers: {Ada: en-us}, segments: [{speaker: Ada, text: Hi}]}")
    assert plan(inner).script.show.author == "Near"
    assert read_plan(inner / "show.yaml", DEFAULTS).script.show.author == "Near"
    assert plan(inner, show=tmp_path / "show.yaml").script.show.author == "Far"


def test_a_show_outside_the_allowed_folders_is_none(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write(tmp_path, show_yaml="author: Far")
    write(tmp_path / "in", a_md=SCRIPT)
    settings = replace(DEFAULTS, paths=replace(DEFAULTS.paths, allowed_roots=(str(tmp_path / "in"),)))
    assert read_plan(tmp_path / "in" / "a.md", settings).script.show.path is None
    with pytest.raises(UsageError, match="outside the allowed folders"):
        read_plan(tmp_path / "in" / "a.md", settings, Sources(show=tmp_path / "show.yaml"))


def test_every_fault_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    write(
        tmp_path,
        show_yaml="titel: S\nexplicit: maybe\ncast: {Cat: {sped: 2}}\ncover: no.jpg\nlexicon: [no.yaml]\n",
        cast_yaml="Ada: {engine: espaek}\nBen: {voice: [x]}\n",
    )
    found = faults(tmp_path, SCRIPT + "\nBen: [x] Ho.", cast=tmp_path / "cast.yaml")
    assert [(file, line) for file, line, _ in found] == [
        ("", 7), ("cast.yaml", 1), ("cast.yaml", 2),
        ("show.yaml", 1), ("show.yaml", 2), ("show.yaml", 3), ("show.yaml", 4), ("show.yaml", 5),
    ]  # fmt: skip
    assert "speaker Ada" in found[1][2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be a mapping"),
        ("- a", "must be a mapping"),
        ("{}", "the cast names no speakers"),
        ("a: b: c", "YAML"),
    ],
)
def test_a_cast_that_is_none_is_a_fault_of_its_file(text: str, words: str, tmp_path: Path) -> None:
    write(tmp_path, cast_yaml=text)
    ((file, _, message),) = faults(tmp_path, cast=tmp_path / "cast.yaml")
    assert (file, words in message) == ("cast.yaml", True), message


def test_a_missing_cast_is_named(tmp_path: Path) -> None:
    assert faults(tmp_path, cast=tmp_path / "no.yaml") == [("no.yaml", None, "does not exist")]
    assert [each[1:] for each in faults(tmp_path, SCRIPT.replace("title: T", "cast: no.yaml"))] == [
        (2, "cast: 'no.yaml' is no file")
    ]


def test_models_and_files_are_looked_for_beside_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "cast").mkdir()
    write(
        tmp_path / "cast",
        c_yaml="Ben: voices/ben.onnx\n",
        show_yaml="lexicon: l.yaml\ncast: c.yaml\n",
        l_yaml="words: {a: b}",
    )
    write(tmp_path, l_yaml="words: {a: b}")
    made = plan(tmp_path, SCRIPT.replace("title: T", "lexicon: [l.yaml]"), show=tmp_path / "cast" / "show.yaml")
    assert speakers(made)["Ben"].model == str(tmp_path / "cast" / "voices" / "ben.onnx")
    assert made.script.lexicons == (tmp_path / "cast" / "l.yaml", tmp_path / "l.yaml")


def test_lexicons_of_the_show_and_the_script_hold_and_their_faults_name_them(tmp_path: Path) -> None:
    write(
        tmp_path, show_yaml="lexicon: s.yaml", s_yaml="words: {GIF: jif, SQL: sequel}\n", l_yaml="words: {GIF: ghif}\n"
    )
    script = SCRIPT.replace("title: T", "lexicon: l.yaml").replace("Hi.", "A GIF of SQL.")
    assert plan(tmp_path, script).lines[0].job.spans != ()
    said = [span.alias or span.text for span in plan(tmp_path, script).lines[0].job.spans]
    assert "".join(said) == "A ghif of sequel."
    write(tmp_path, l_yaml="wrods: {}\n")
    assert ("l.yaml", 1) in [each[:2] for each in faults(tmp_path, script)]


def test_mixes_come_in_layers_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "ding.wav").touch()
    write(tmp_path, show_yaml="mix: {de_ess: 0.1, high_pass: 90}\nintro: ding.wav\n")
    write(tmp_path / "in", m_yaml="de_ess: 0.5\n")
    script = plan(tmp_path / "in", SCRIPT.replace("title: T", "mix: m.yaml")).script
    found: list[object] = []
    layers = layers_of(script, found)  # type: ignore[arg-type]
    assert found == []
    assert [sorted(layer) for layer in layers] == [["de_ess", "high_pass_hz"], ["intro"], ["de_ess"]]
    write(tmp_path, show_yaml="intro: no.wav\nmix:\n  de_es: 1\n")
    script = plan(tmp_path / "in", SCRIPT.replace("title: T", "mix:\n  channels: 9")).script
    wrong = []
    layers_of(script, wrong)
    assert [(Path(fault.source).name, fault.line) for fault in wrong] == [("show.yaml", 3), ("show.yaml", 1), ("", 3)]


@pytest.mark.usefixtures("fake_engine")
def test_several_scripts_are_checked_before_the_first_is_made(tmp_path: Path) -> None:
    settings = load_settings()
    write(
        tmp_path,
        show_yaml="title: S\nemail: a@a.example\nauthor: W\ncast: {Ada: {engine: fake}}\n",
        one_md="Ada: One.",
        two_md="Ada: Two. [x]",
    )
    scripts = [tmp_path / "one.md", tmp_path / "two.md"]
    with pytest.raises(UsageError, match="unknown tag"):
        render_episodes(scripts, tmp_path / "out", settings=settings, formats=["wav"])
    assert list((tmp_path / "out").iterdir()) == []
    write(tmp_path, two_md="Ada: Two.")
    published = replace(settings, publish=replace(settings.publish, base_url="https://a.example/s"))
    reports = render_episodes(scripts, tmp_path / "out", settings=published, formats=["wav"])
    feed = (tmp_path / "out" / "feed.xml").read_text()
    assert feed.count("<item>") == 2
    assert "<title>S</title>" in feed
    assert "<itunes:email>a@a.example</itunes:email>" in feed
    assert "https://a.example/s/two.wav" in feed
    assert [report.outputs.audio["wav"].name for report in reports] == ["one.wav", "two.wav"]
    assert (tmp_path / "out" / "two.manifest.json").is_file()
    assert f"  show: {tmp_path / 'show.yaml'}" in describe_check(check_episode(scripts[0], settings=settings))


@pytest.mark.parametrize(
    ("names", "formats", "words"),
    [(["a.md", "b/a.md"], ["wav"], "several scripts are called 'a'"), (["a.md"], [], "says no format")],
)
def test_several_scripts_need_names_and_a_format(
    names: list[str], formats: list[str], words: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=words):
        render_episodes([tmp_path / name for name in names], tmp_path / "out", settings=DEFAULTS, formats=formats)

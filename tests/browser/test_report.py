"""The report in a real browser: nothing is fetched, nothing overflows, everything can be read, heard and found."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support.browser import Browser, Page
from support.contrast import CONTRAST
from support.scripts import script_text, sentence

from demod_voice.api.episodes import render_episode
from demod_voice.config import load
from demod_voice.episode.page.facts import Told
from demod_voice.episode.page.measures import SoundView
from demod_voice.episode.report import page as report_page

pytestmark = pytest.mark.browser
FAKES = Path(__file__).resolve().parents[1] / "fakes"
LONG = "Donaudampfschifffahrtsgesellschaftskapitaen" * 5
HOSTILE = f'</script><script>document.title="broken"</script><img src=x onerror=alert(1)> & "{LONG}"'
WIDTHS = (320, 390, 768, 1280)


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a small episode of sines beside its sound."""
    folder = tmp_path_factory.mktemp("show")
    script = folder / "show.md"
    script.write_text(script_text([sentence(number) for number in range(8)]) + "\n## The end\n\nAda: Good night.\n")
    flags = {"engines.search_path": [str(FAKES)], "engines.fake.python": sys.executable, "cache.enabled": False}
    render_episode(script, folder / "show 1.mp3", settings=load(flags).settings)
    return folder / "show 1.report.html"


def told(lines: int, text: str) -> Told:
    """A report of many lines with a hostile title, speaker and chapter."""
    segment = {"speaker": text, "text": text, "line": 1, "seed": 123456789, "attempt": 1, "engine": "x"}
    names = [text, *(f"Speaker {number}" for number in range(7))]
    segments = [
        {
            **segment,
            "speaker": names[number % len(names)],
            "text": text if number == 0 else sentence(number),
            "start_sec": 4.0 * number,
            "end_sec": 4.0 * number + 3.5,
            "degraded": ["quality: clipped"] if number % 10 == 3 else [],
        }
        for number in range(lines)
    ]
    length = 4.0 * lines
    story = {
        "title": text,
        "language": "en",
        "duration_sec": length,
        "speakers": names,
        "segments": segments,
        "chapters": [{"title": text, "start_sec": 0.0, "end_sec": length}],
        "audio_files": {"mp3": f"{LONG[:100]}.mp3"},
        "generation": {"timestamp": "", "seed": 1, "settings": {text: text, "loudness": {"true_peak_dbtp": -1.0}}},
        "loudness": {
            "master": {"target_lufs": -19.0, "lufs": -17.0, "true_peak_dbtp": -0.2, "lra_lu": 4.0, "on_target": False},
            "files": {"mp3": {"duration_s": length, "lufs": -17.1, "true_peak_dbtp": 0.1, "within": False}},
        },
        "voices": {name: {"engine": "x", "voice": text, "consent": "self", "licence": text} for name in names},
        "engines": [{"engine": "x", "output_version": 1, "model": text, "model_revision": text}],
        "warnings": [text],
    }
    hops = tuple(-19.0 - (number % 50) / 5 for number in range(int(length * 10)))
    sound = SoundView(length, length / 1200, (0.5,) * 1200, (0.2,) * 1200, hops)
    numbers = {"utterances_generated": 1, "utterances_total": lines}
    return Told(story, numbers, ("spoken",) * lines, (Path("x.mp3"),), sound)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "x.report.html"
    path.write_text(report_page(told(40, HOSTILE)), encoding="utf-8")
    return path


def opened(browser: Browser, path: Path, **options: object) -> Page:
    return browser.page(path.as_uri(), **options)  # type: ignore[arg-type]


def test_it_fetches_nothing_but_the_sound_and_no_script_fails(browser: Browser, show: Path):
    page = opened(browser, show)
    page.until("audio.readyState >= 1")
    assert set(page.requests()) == {show.as_uri(), (show.parent / "show 1.mp3").as_uri()}
    assert page.complaints() == []
    assert page.run("document.getElementById('filter').hidden") is False, "its script ran"
    assert page.run("document.getElementById('no-audio').hidden") is True


def test_hostile_text_runs_nothing(browser: Browser, hostile: Path):
    page = opened(browser, hostile)
    assert page.run("document.title").startswith("</script><script>")
    assert page.run("document.images.length") == 0
    assert [each for each in page.requests() if not each.endswith((".report.html", "x.mp3"))] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overflows(browser: Browser, hostile: Path, show: Path, width: int):
    for path in (hostile, show):
        page = opened(browser, path, width=width)
        assert page.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        wide = page.run(
            "[...document.querySelectorAll('main > *, #takes td, .cards *')].filter((e) => "
            "e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map((e) => e.className || e.tagName)"
        )
        assert wide == []


@pytest.mark.parametrize("dark", [False, True])
def test_every_word_stands_out_from_its_ground(browser: Browser, hostile: Path, show: Path, dark: bool):
    for path in (hostile, show):
        assert opened(browser, path, dark=dark).run(CONTRAST) == []


def test_it_is_printed_in_black_on_white(browser: Browser, hostile: Path):
    page = opened(browser, hostile, dark=True)
    page.printed()
    assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.run(CONTRAST) == []
    assert page.run("document.querySelector('.player').checkVisibility()") is False


def test_a_row_a_chapter_and_the_time_line_are_heard_where_they_are(browser: Browser, show: Path):
    page = opened(browser, show)
    page.until("audio.readyState >= 1")
    start = page.run("Number(document.querySelectorAll('#takes tbody tr')[4].dataset.start)")
    page.run("document.querySelectorAll('#takes .play')[4].click(); audio.pause()")
    page.until(f"Math.abs(audio.currentTime - {start}) < 0.5")
    page.until("document.querySelector('#takes tr.current') !== null")
    assert page.run("document.querySelector('#takes tr.current').id") == "t5"
    page.run("document.querySelector('.plain .play[data-at]:not([data-at=\"0.000\"])').click(); audio.pause()")
    page.until("audio.currentTime > Number(document.getElementById('timeline').dataset.duration) / 2")
    page.run(
        "(() => { const box = timeline.getBoundingClientRect(); timeline.dispatchEvent(new MouseEvent('click', "
        "{clientX: box.left + box.width / 4, clientY: box.top + 5, bubbles: true})); audio.pause(); })()"
    )
    page.until("Math.abs(audio.currentTime / Number(timeline.dataset.duration) - 0.25) < 0.03")
    assert float(page.run("playhead.getAttribute('x1')").rstrip("%")) == pytest.approx(25, abs=3)


def test_the_time_line_is_moved_with_keys(browser: Browser, show: Path):
    page = opened(browser, show)
    page.until("audio.readyState >= 1")
    page.run(
        "timeline.focus(); timeline.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}))"
    )
    page.until("Math.abs(audio.currentTime - 5) < 0.5")
    assert page.run("timeline.getAttribute('aria-valuetext')") == "0:05"


def test_takes_are_searched_filtered_and_sorted(browser: Browser, hostile: Path):
    page = opened(browser, hostile)
    shown = "[...document.querySelectorAll('#takes tbody tr')].filter((row) => !row.hidden).length"
    change = "document.getElementById('filter').dispatchEvent(new Event('input'))"
    page.run(f"words.value = 'line 7 '; {change}")
    assert page.run(shown) == 1
    page.run(f"words.value = ''; who.value = 'Speaker 2'; {change}")
    assert page.run(shown) == 5
    page.run(f"who.value = ''; odd.checked = true; {change}")
    assert page.run(shown) == 4
    assert page.run("document.getElementById('shown').textContent") == "4 of 40 lines"
    page.run("document.querySelector('#takes th.level button').click()")
    levels = page.run("[...document.querySelectorAll('#takes tbody tr')].map((row) => Number(row.dataset.level))")
    assert levels == sorted(levels)
    assert page.run("document.querySelector('#takes th.level').getAttribute('aria-sort')") == "ascending"


def test_a_warning_is_seen_without_scrolling(browser: Browser, hostile: Path):
    for width, height in ((1280, 900), (390, 844)):
        page = opened(browser, hostile, width=width, height=height)
        assert page.run(f"document.querySelector('.verdict.bad').getBoundingClientRect().top < {height}")


def test_a_missing_sound_is_told(browser: Browser, hostile: Path):
    page = opened(browser, hostile)
    page.until("!document.getElementById('no-audio').hidden")


def test_a_thousand_lines_are_there_at_once(browser: Browser, tmp_path: Path):
    path = tmp_path / "big.report.html"
    path.write_text(report_page(replace(told(1000, "A long show"))), encoding="utf-8")
    page = opened(browser, path)
    assert page.run("document.querySelectorAll('#takes tbody tr').length") == 1000
    assert page.seconds("ScriptDuration", "LayoutDuration", "RecalcStyleDuration") < 1.0
    before = page.seconds("ScriptDuration", "LayoutDuration", "RecalcStyleDuration")
    page.run("words.value = 'garden'; document.getElementById('filter').dispatchEvent(new Event('input'))")
    page.run("document.querySelector('#takes th.length button').click(); document.body.offsetHeight")
    assert page.seconds("ScriptDuration", "LayoutDuration", "RecalcStyleDuration") - before < 0.5

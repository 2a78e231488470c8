"""A dataset's page in a real browser: nothing is fetched, nothing overflows, everything can be read and heard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.browser import Browser
from support.contrast import CONTRAST
from support.datasets import make_dataset

from demod_voice.config.settings import DEFAULTS
from demod_voice.dataset.report import write_report
from demod_voice.dataset.report.facts import told_of
from demod_voice.dataset.report.page import page as report_page
from demod_voice.dataset.report.phonemes import Coverage
from demod_voice.dataset.store import Dataset

pytestmark = pytest.mark.browser
LONG = "Donaudampfschifffahrtsgesellschaftskapitaen" * 5
HOSTILE = f'</style><script>document.title="broken"</script><img src=x onerror=alert(1)> & "{LONG}"'
WIDTHS = (320, 390, 768, 1280)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("set") / "a voice"
    return make_dataset(folder, recordings=4, segments=6, speakers=("anna", "ben"), quarantined=2, anchors=2)


@pytest.fixture(scope="module")
def pages(dataset: Dataset) -> tuple[Path, Path]:
    """The page of the dataset, and one whose every text is long and hostile."""
    manifest = dataset.manifest()
    plain = write_report(dataset, manifest, DEFAULTS)
    odd = replace(
        manifest,
        name=HOSTILE,
        notes=(HOSTILE,),
        skipped=({"name": HOSTILE, "reason": HOSTILE},),
        segments=tuple(replace(each, text=HOSTILE, speaker=HOSTILE) for each in manifest.segments),
        recordings=tuple(replace(each, name=HOSTILE, degraded=(HOSTILE,)) for each in manifest.recordings),
        anchors=tuple(replace(each, text=HOSTILE, speaker=HOSTILE) for each in manifest.anchors),
    )
    hostile = plain.parent / "hostile.html"
    hostile.write_text(report_page(told_of(odd), Coverage({"a": 9, "b": 20}, 1, 2), dataset.path, hostile), "utf-8")
    return plain, hostile


def test_it_fetches_nothing_and_runs_nothing(browser: Browser, pages: tuple[Path, Path]):
    for path in pages:
        page = browser.page(path.as_uri())
        assert {each for each in page.requests() if not each.startswith("data:")} == {path.as_uri()}
        assert page.complaints() == []
        assert page.run("document.scripts.length") == 0
        assert page.run("document.title").endswith(": report")


def test_every_picture_is_drawn_and_every_clip_can_be_heard(browser: Browser, pages: tuple[Path, Path]):
    page = browser.page(pages[0].as_uri())
    assert page.run("document.images.length") == 4
    assert page.run("[...document.images].every((each) => each.complete && each.naturalWidth > 10)")
    page.run("for (const each of document.querySelectorAll('audio')) { each.preload = 'metadata'; each.load(); }")
    page.until("[...document.querySelectorAll('audio')].every((each) => each.readyState >= 1)")
    assert page.run("[...document.querySelectorAll('audio')].every((each) => Math.abs(each.duration - 1) < 0.01)")


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overflows(browser: Browser, pages: tuple[Path, Path], width: int):
    for path in pages:
        page = browser.page(path.as_uri(), width=width)
        assert page.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        wide = page.run(
            "[...document.querySelectorAll('main > *, .cards *, figure, .sounds li')].filter((e) => "
            "e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map((e) => e.className || e.tagName)"
        )
        assert wide == []


@pytest.mark.parametrize("dark", [False, True])
def test_every_word_stands_out_from_its_ground(browser: Browser, pages: tuple[Path, Path], dark: bool):
    for path in pages:
        assert browser.page(path.as_uri(), dark=dark).run(CONTRAST) == []


def test_what_to_know_is_seen_without_scrolling(browser: Browser, pages: tuple[Path, Path]):
    page = browser.page(pages[1].as_uri(), width=1280, height=900)
    assert page.run("document.querySelector('.verdict').getBoundingClientRect().top < 900")

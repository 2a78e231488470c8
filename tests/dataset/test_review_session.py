"""A review in memory: which clips a filter finds, and what undoing gives back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.datasets import make_dataset

from demod_voice.dataset.keeping.versions import restore_version
from demod_voice.dataset.review.filters import pairs_of, query_of
from demod_voice.dataset.review.journal import FILE, read_decisions
from demod_voice.dataset.review.replay import apply_reviews
from demod_voice.dataset.review.session import Session, Stale, Wish
from demod_voice.dataset.store import Dataset
from demod_voice.errors import UsageError


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four recordings of six clips, two in quarantine, two speakers; ``snr_db`` is 30 + place."""
    return make_dataset(
        tmp_path_factory.mktemp("s") / "data", 4, 6, seconds=0.2, quarantined=2, speakers=("anna", "ben")
    ).path


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(make_dataset(tmp_path / "data", 2, 4, seconds=0.5, quarantined=1).path)


def found(session: Session, *only: str) -> list[int]:
    return session.find(query_of(pairs_of(only), session.catalogue.numbers))


def decide(session: Session, place: int, action: str, who: str = "ann", **more: object) -> int:
    clip = session.segments[place].id
    return session.decide(Wish(clip, action, session.state(place).revision, who, **more))  # type: ignore[arg-type]


def test_filters_find_what_they_say(built):
    session = Session(built)
    assert found(session) == list(range(24))
    assert found(session, "reason=snr") == [4, 5, 10, 11, 16, 17, 22, 23]
    assert found(session, "reason=none", "split=val,test") == [6, 7, 8, 9, 12, 13, 14, 15]
    assert found(session, "speaker=ben") == [*range(6, 12), *range(18, 24)]
    assert found(session, "snr_db=34..") == [4, 5, 10, 11, 16, 17, 22, 23]
    assert found(session, "snr_db=..30", "duration_s=0.1..0.3") == [0, 6, 12, 18]
    assert found(session, "split=val", "order=-snr_db") == [11, 10, 9, 8, 7, 6]
    assert found(session, "reason=hum") == []
    word = session.segments[7].text.split()[2]
    wanted = [place for place in range(24) if word in session.segments[place].text.lower()]
    assert found(session, f"text={word.upper()}") == wanted
    assert found(session, f"text={session.segments[3].id}") == [3]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four clips, for many reviews that all begin anew."""
    return make_dataset(tmp_path_factory.mktemp("small") / "data", 1, 4, seconds=0.5).path


def anew(path: Path) -> Session:
    (path / FILE).unlink(missing_ok=True)
    return Session(path)


@given(st.sets(st.integers(0, 3)), st.sets(st.integers(0, 3)))
def test_decisions_are_found_by_their_state(small, accepted, rejected):
    session = anew(small)
    for place in accepted:
        decide(session, place, "accept")
    for place in rejected:
        decide(session, place, "reject")
    assert found(session, "state=rejected") == sorted(rejected)
    assert found(session, "state=accepted") == sorted(accepted - rejected)
    assert found(session, "state=undecided") == sorted({0, 1, 2, 3} - accepted - rejected)
    progress = session.progress()
    assert (progress["accepted"], progress["rejected"]) == (len(accepted - rejected), len(rejected))


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["accept", "reject", "clear", "text", "trim"])), max_size=8)
)
@pytest.mark.slow
def test_undoing_everything_gives_back_the_beginning(small, steps):
    path, session = small, anew(small)
    before = [(session.state(place).review, session.state(place).text, session.window(place)) for place in range(3)]
    for number, (place, action) in enumerate(steps):
        decide(session, place, action, text=f"Text {number}", first_sample=10 * number, num_samples=6000)
    session = Session(path)
    while session.undo("ann") is not None:
        pass
    for again in (session, Session(path)):
        after = [(again.state(place).review, again.state(place).text, again.window(place)) for place in range(3)]
        assert after == before
        assert again.undo("ann") is None
        assert found(again, "state=undecided") == [0, 1, 2, 3]


def test_what_changes_nothing_is_not_written(session):
    decide(session, 0, "accept")
    decide(session, 0, "accept")
    decide(session, 0, "text", text=f" {session.segments[0].text} ")
    assert len(read_decisions(session.dataset.path / FILE)) == 1


def test_a_clip_that_changed_is_not_decided_blindly(session):
    other = Session(session.dataset.path)
    decide(other, 0, "reject", who="bob")
    with pytest.raises(Stale, match="bob has changed") as caught:
        decide(session, 0, "accept")
    assert caught.value.place == 0
    assert session.state(0).review == "rejected"


def test_an_edited_text_is_found_by_its_new_words(session):
    decide(session, 1, "text", text="Quite Other Words")
    assert found(session, "text=other words") == [1]
    assert found(session, "state=edited") == [1]
    session.undo("ann")
    assert found(session, "text=other words") == []


def test_decisions_about_clips_that_are_gone_are_passed_over(session):
    path = session.dataset.path
    decide(session, 0, "reject")
    decide(session, 1, "accept")
    with Dataset.writing(path) as dataset:
        manifest = dataset.manifest()
        dataset.commit(replace(manifest, segments=manifest.segments[1:]), "test")
    again = Session(path)
    assert [again.state(0).review, again.state(1).review] == ["accepted", ""]
    assert again.undo("ann") == 0
    assert again.undo("ann") is None


def test_decisions_before_a_restored_version_are_over(session):
    path = session.dataset.path
    first = session.segments[0]
    decide(session, 0, "reject")
    decide(session, 0, "trim", first_sample=100, num_samples=6000)
    apply_reviews(path)
    restore_version(path, "1")
    again = Session(path)
    assert again.state(0).review == ""
    assert again.window(0) == replace(again.window(0), sha256=first.sha256, first_sample=0, num_samples=12000)
    with pytest.raises(Stale):
        again.undo("ann")
    decide(again, 0, "accept")
    assert apply_reviews(path).manifest.segments[0].review == "accepted"


def test_a_dataset_without_its_hidden_folder_is_reviewed_all_the_same(session):
    import shutil

    path = session.dataset.path
    shutil.rmtree(path / ".demod")
    again = Session(path)
    assert again.sound(0) == path / again.segments[0].path
    decide(again, 0, "trim", first_sample=100, num_samples=6000)
    assert again.window(0).num_samples == 6000


def test_filters_that_are_none_are_told():
    for only in (["x=1"], ["snr_db=1"], ["snr_db=a..b"], ["state=maybe"], ["order=x"], ["plain"]):
        with pytest.raises(UsageError):
            query_of(pairs_of(only), ["snr_db"])

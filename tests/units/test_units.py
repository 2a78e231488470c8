"""Durations, sizes, decibels, errors, roots."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice import errors, units
from demod_voice.config.roots import check_inside


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("800ms", 0.8),
        ("1.5s", 1.5),
        ("1,5 s", 1.5),
        ("2min", 120),
        ("1h", 3600),
        ("7", 7),
        ("01:12", 72),
        ("1:02:03.5", 3723.5),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert units.parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "-1s", "1.2.3s", "10 parsecs", "1:2:3:4"])
def test_what_is_no_duration_says_the_forms(text: str) -> None:
    with pytest.raises(ValueError, match="800ms"):
        units.parse_duration(text)


@pytest.mark.parametrize(("seconds", "text"), [(0.8, "0.8 s"), (59.94, "59.9 s"), (245, "4:05"), (3723, "1:02:03")])
def test_durations_for_people(seconds: float, text: str) -> None:
    assert units.format_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "size"), [("500", 500), ("64k", 65536), ("10MB", 10 << 20), ("2 GiB", 2 << 30), ("0.5g", 1 << 29)]
)
def test_sizes(text: str, size: int) -> None:
    assert units.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "big", "-5MB", "5 XB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        units.parse_size(text)


@given(st.floats(min_value=1, max_value=2.0**50))
def test_a_printed_size_reads_back_within_its_digits(size: float) -> None:
    assert units.parse_size(units.format_size(size)) == pytest.approx(size, rel=0.06, abs=1)


@given(st.floats(min_value=-120, max_value=60))
def test_decibels_and_gains_are_inverse(level_db: float) -> None:
    assert units.db_from_gain(units.gain_from_db(level_db)) == pytest.approx(level_db, abs=1e-9)


def test_silence_has_a_level() -> None:
    assert units.db_from_gain(0.0) == units.SILENCE_DB


def test_every_error_class_is_drawn_in_the_tree_with_its_code() -> None:
    classes = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.DemodError)]
    for each in classes:
        assert each.__name__ in (errors.__doc__ or ""), each
    tops = {each.__name__: each.exit_code for each in classes if each.__bases__ == (errors.DemodError,)}
    assert tops == {
        "UsageError": 2, "MediaError": 3, "EngineError": 4, "TrainingError": 5, "QualityError": 6, "OutputError": 7,
    }  # fmt: skip


def test_faults_are_told_in_the_order_of_their_lines() -> None:
    error = errors.FaultsError(
        "a.md", [errors.Fault(9, "late"), errors.Fault(2, "early", "write it so"), errors.Fault(None, "all")]
    )
    assert str(error).splitlines() == [
        "3 faults in a.md",
        "  all",
        "  a.md:2: early (write it so)",
        "  a.md:9: late",
    ]


def test_roots_allow_what_is_inside_and_name_what_is_not(tmp_path: Path) -> None:
    check_inside([Path("/etc/passwd")], [])
    check_inside([tmp_path / "a" / "b.wav"], [str(tmp_path)])
    with pytest.raises(errors.UsageError, match="lies outside") as caught:
        check_inside([tmp_path / "in.wav", tmp_path / ".." / "x.wav"], [str(tmp_path)])
    assert str(tmp_path) in str(caught.value)

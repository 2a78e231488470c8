"""Error rates against closed forms, thresholds against counted trials, and calibrations that fit no other model."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from demod_voice.analysis.calibration import (
    Calibration,
    Rates,
    calibrated,
    equal_error_rate,
    own_place,
    rates_of,
    read_calibration,
    write_calibration,
)
from demod_voice.config.settings import DEFAULTS, Speakers
from demod_voice.errors import UsageError

MADE = Calibration("ecapa", "m", "abc", 0.01, Rates(0.31, 0.01, 0.2, 0.05, 10, 100))


@pytest.mark.parametrize("distance", [1.0, 2.0, 3.0])
def test_the_equal_error_rate_of_two_normal_distributions(distance: float) -> None:
    """Two normals of unit variance, ``d`` apart: the rates are equal in the middle, Phi(-d / 2)."""
    random = np.random.default_rng(1)
    same, different = random.normal(distance, 1, 20000), random.normal(0, 1, 20000)
    expected = 0.5 * math.erfc(distance / 2 / math.sqrt(2))
    assert equal_error_rate(same, different) == pytest.approx(expected, abs=0.005)


def test_rates_that_can_be_counted() -> None:
    same, different = np.array([0.9, 0.8, 0.4, 0.2]), np.array([0.5, 0.3, 0.1, 0.0])
    assert equal_error_rate(same, different) == pytest.approx(0.25)
    assert equal_error_rate(np.array([0.8, 0.9]), np.array([0.1, 0.2])) == 0.0
    assert equal_error_rate(np.array([0.1, 0.2]), np.array([0.8, 0.9])) == 1.0
    none = rates_of(same, different, 0.01)
    assert (none.threshold, none.false_accept_rate, none.miss_rate) == (pytest.approx(0.65), 0.0, 0.5)
    quarter = rates_of(same, different, 0.25)
    assert (quarter.threshold, quarter.false_accept_rate) == (pytest.approx(0.35), 0.25)
    assert (quarter.miss_rate, quarter.same, quarter.different) == (0.25, 4, 4)


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.1, 0.5, 0.999])
def test_no_more_are_accepted_than_allowed_and_as_few_missed_as_possible(rate: float) -> None:
    random = np.random.default_rng(2)
    same, different = np.round(random.normal(0.5, 0.2, 300), 2), np.round(random.normal(0.1, 0.2, 500), 2)
    found = rates_of(same, different, rate)
    assert found.false_accept_rate <= rate
    lower = different[different < found.threshold].max()
    assert np.mean(different >= lower) > rate


def test_it_is_read_as_it_was_written_and_found_by_its_model(tmp_path: Path) -> None:
    write_calibration(MADE, tmp_path / "cal.json")
    assert read_calibration(tmp_path / "cal.json") == MADE
    assert calibrated("ecapa", "m", "abc", DEFAULTS) is None
    write_calibration(MADE, own_place("ecapa", "abc"))
    assert calibrated("ecapa", "another name", "abc", DEFAULTS) == MADE
    assert calibrated("ecapa", "m", "abd", DEFAULTS) is None


def test_another_models_is_refused(tmp_path: Path) -> None:
    write_calibration(MADE, tmp_path / "cal.json")
    settings = replace(DEFAULTS, speakers=Speakers(str(tmp_path / "cal.json")))
    assert calibrated("ecapa", "m", "abc", settings) == MADE
    for engine, revision in (("ecapa", "other"), ("other", "abc")):
        with pytest.raises(UsageError, match="cannot be compared") as caught:
            calibrated(engine, "m", revision, settings)
        assert "cal.json" in caught.value.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "x"}, "no calibration"),
        ({"version": 2}, "version 2"),
        ({"rates": {}}, "damaged"),
        ({"rates": dict.fromkeys(Rates.__slots__, 3.0)}, "no cosine"),
        ({"revision": None, "rates": None}, "damaged"),
    ],
)
def test_a_damaged_one_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "cal.json"
    write_calibration(MADE, path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UsageError, match=message):
        read_calibration(path)


def test_what_is_no_file_or_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read_calibration(tmp_path / "none.json")
    (tmp_path / "cal.json").write_bytes(b"\xff\x00")
    with pytest.raises(UsageError, match="no calibration"):
        read_calibration(tmp_path / "cal.json")

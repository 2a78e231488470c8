"""What may stand in the cells of a jobs table."""

from __future__ import annotations

import pytest

from demod_voice.batch.options import LOUDNESS_RANGE, TASKS
from demod_voice.batch.table.columns import (
    COLUMNS,
    EPISODE_COLUMNS,
    FORMATS,
    SPEECH_COLUMNS,
    column_faults,
    format_name,
    loudness_of,
    seed_of,
    speed_of,
)
from demod_voice.batch.types import Row
from demod_voice.config.schema import keys
from demod_voice.errors import UsageError
from demod_voice.media.encode import FORMATS as ENCODERS


def row(**cells: str) -> Row:
    return Row(1, 2, {"text": "Hello", "output": "a.wav", **cells})


def faults(**cells: str) -> list[str]:
    return [what for what, remedy in column_faults(row(**cells), SPEECH_COLUMNS) if remedy]


def test_the_formats_are_those_that_can_be_encoded():
    assert set(FORMATS) == set(ENCODERS)


def test_every_task_has_columns_and_limits_are_those_of_the_settings():
    assert tuple(COLUMNS) == TASKS
    limits = keys()["loudness.mono_lufs"].limits
    assert (limits["minimum"], limits["maximum"]) == LOUDNESS_RANGE


def test_a_good_row_has_no_fault():
    assert column_faults(row(), SPEECH_COLUMNS) == []
    full = row(language="pt-BR", seed="7", speed="0.25", format=".MP3", loudness="-19.5", id="x 1", note="anything\0")
    assert column_faults(full, SPEECH_COLUMNS) == []
    assert (seed_of(full), speed_of(full), loudness_of(full)) == (7, 0.25, -19.5)
    assert (seed_of(row()), speed_of(row()), loudness_of(row(loudness=" "))) == (None, None, None)


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ({"text": " "}, "the column text is empty"),
        ({"output": ""}, "the column output is empty"),
        ({"text": "... !?"}, "nothing in the text '... !?' can be said"),
        ({"seed": "-1"}, "seed '-1' is out of range: 0 to 2147483647"),
        ({"seed": "2147483648"}, "seed '2147483648' is out of range"),
        ({"seed": "1.5"}, "seed '1.5' is not a whole number"),
        ({"speed": "4.01"}, "speed '4.01' is out of range: 0.25 to 4"),
        ({"speed": "nan"}, "speed 'nan' is out of range"),
        ({"speed": "1_0"}, "speed '1_0' is out of range"),
        ({"speed": "fast"}, "speed 'fast' is not a number"),
        ({"loudness": "-16 LUFS"}, "loudness '-16 LUFS' is not a number"),
        ({"loudness": "16"}, "loudness '16' is out of range: -40 to -5"),
        ({"language": "english, please"}, "is not a language tag"),
        ({"format": "doc"}, "unknown audio format 'doc'"),
        ({"id": "x" * 201}, "the id is 201 characters long"),
        ({"id": "a\nb"}, "holds a line break"),
    ],
)
def test_cells_that_mean_nothing(cells, fault):
    (found,) = faults(**cells)
    assert fault in found


def test_all_faults_of_a_row_are_told():
    assert len(faults(text="", output="", seed="x", speed="x", loudness="x", format="x", language="?")) == 7


def test_a_decimal_comma_is_told():
    ((_, remedy),) = column_faults(row(speed="1,25"), SPEECH_COLUMNS)
    assert remedy == "with a point, not a comma"


def test_whole_numbers_as_tables_with_gaps_have_them():
    assert seed_of(row(seed="42.0")) == 42


def test_columns_of_another_task_are_not_looked_at():
    episode = Row(1, 2, {"script": "a.md", "output": "a.mp3", "speed": "fast", "seed": "no"})
    assert [what for what, _ in column_faults(episode, EPISODE_COLUMNS)] == ["seed 'no' is not a whole number"]


@pytest.mark.parametrize(("read", "column"), [(seed_of, "seed"), (speed_of, "speed"), (loudness_of, "loudness")])
def test_a_wrong_number_is_an_error_for_who_needs_it(read, column):
    with pytest.raises(UsageError, match=f"{column} 'x' is not a"):
        read(row(**{column: "x"}))


def test_names_of_formats():
    assert [format_name(text) for text in ("", " .Opus", "wav")] == ["", "opus", "wav"]
    with pytest.raises(UsageError, match="unknown audio format 'wave'"):
        format_name("wave")

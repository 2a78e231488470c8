"""What ``--gpu`` and ``--gpu-exclude`` understand."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.config import load
from demod_voice.config.gpu_spec import MOST, GpuSpec, parse_gpus, parse_numbers
from demod_voice.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", GpuSpec(everything=True)),
        ("ALL ", GpuSpec(everything=True)),
        ("none", GpuSpec()),
        ("0", GpuSpec(numbers=(0,))),
        ("0,2,5", GpuSpec(numbers=(0, 2, 5))),
        ("5, 2 ,2,0", GpuSpec(numbers=(5, 2, 0))),
        ("range:0-3", GpuSpec(numbers=(0, 1, 2, 3))),
        ("range:2-2", GpuSpec(numbers=(2,))),
        ("count:3", GpuSpec(count=3)),
    ],
)
def test_forms(text: str, expected: GpuSpec) -> None:
    assert parse_gpus(text) == expected
    assert parse_gpus(text).nothing == (expected == GpuSpec())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "none for the CPU"),
        (" ", "none for the CPU"),
        ("range:3-0", "runs backwards: range:0-3"),
        ("range:0", "write it as range:0-3"),
        ("range:0-", "write it as range:0-3"),
        ("range:0-1000000", "below 1000"),
        ("count:0", "that is none"),
        ("count:", "write it as count:3"),
        ("count:-1", "write it as count:3"),
        ("count:1000", "below 1000"),
        ("0;2", "no list of GPU numbers"),
        ("0,,2", "no list of GPU numbers"),
        ("-1", "no list of GPU numbers"),
        ("1000", "below 1000"),
        ("cuda:0", "no list of GPU numbers"),
        ("٣", "no list of GPU numbers"),
    ],
)
def test_mistakes_are_told_with_what_to_write(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_gpus(text)
    with pytest.raises(UsageError, match=words) as caught:
        load({"gpu.use": text})
    assert "gpu.use: " in caught.value.message


def test_nothing_is_excluded_by_an_empty_text() -> None:
    assert parse_numbers(" ") == ()
    with pytest.raises(UsageError, match=r"gpu.exclude: '1-3' is no list of GPU numbers \(for example 1 or 1,3\)"):
        load({"gpu.exclude": "1-3"})


numbers = st.lists(st.integers(0, MOST - 1), min_size=1, max_size=8)


@given(numbers)
def test_a_list_is_its_numbers_each_once(wanted: list[int]) -> None:
    found = parse_gpus(",".join(map(str, wanted)))
    assert found.numbers == tuple(dict.fromkeys(wanted))


@given(st.integers(0, MOST - 1), st.integers(0, MOST - 1))
def test_a_range_has_both_ends(first: int, last: int) -> None:
    if first > last:
        with pytest.raises(ValueError):
            parse_gpus(f"range:{first}-{last}")
    else:
        assert parse_gpus(f"range:{first}-{last}").numbers == tuple(range(first, last + 1))


@given(st.text(st.characters(codec="ascii"), max_size=12))
def test_any_text_is_a_choice_or_one_clear_error(text: str) -> None:
    found = None
    with suppress(ValueError):
        found = parse_gpus(text)
    if found is None:
        with pytest.raises(UsageError, match=r"gpu\.use: "):
            load({"gpu.use": text})
    else:
        assert (found.everything, bool(found.numbers), found.count > 0, found.nothing).count(True) == 1

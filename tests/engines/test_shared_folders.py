"""Folders that somebody else keeps: one that may not be read is told with its setting, never a crash."""

from __future__ import annotations

from pathlib import Path

import pytest

from demod_voice.api.engines import engine_status, list_engines
from demod_voice.api.models import list_models
from demod_voice.config import load_settings
from demod_voice.engines.default_model import model_for
from demod_voice.engines.locate import engine
from demod_voice.engines.shared_folders import shared_folders
from demod_voice.errors import ModelMissing, UsageError

LONG = "/" + "x" * 300


@pytest.mark.parametrize("folder", [LONG, "~nobody-of-that-name/models", "a\0b"])
def test_what_cannot_be_read_is_told(folder: str) -> None:
    with pytest.raises(UsageError, match=r"models\.search_path: .* cannot be read") as caught:
        shared_folders("models.search_path", [folder])
    assert "take it out of models.search_path" in (caught.value.hint or "")


def test_what_is_not_there_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    places = [str(tmp_path), str(tmp_path / "gone"), str(tmp_path / "file")]
    assert shared_folders("engines.shared", places) == [Path(each) for each in places]


@pytest.mark.usefixtures("empty_home")
def test_every_setting_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(variable: str) -> pytest.ExceptionInfo[UsageError]:
        with monkeypatch.context() as patch, pytest.raises(UsageError) as caught:
            patch.setenv(variable, LONG)
            settings = load_settings()
            list_engines(settings=settings)
            list_models(settings=settings)
        return caught

    assert "engines.search_path: " in told("DEMOD_VOICE_ENGINES__SEARCH_PATH").value.message
    assert "engines.shared: " in told("DEMOD_VOICE_ENGINES__SHARED").value.message
    assert "models.search_path: " in told("DEMOD_VOICE_MODELS__SEARCH_PATH").value.message


@pytest.mark.usefixtures("empty_home")
def test_a_model_whose_path_is_none_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__XTTS__MODEL", LONG)
    with pytest.raises(ModelMissing, match=r"does not exist"):
        model_for(engine("xtts", load_settings()), load_settings())
    assert engine_status("xtts", settings=load_settings()).info.name == "xtts"

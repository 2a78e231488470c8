"""An engine's own options, and where its default model is looked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from demod_voice.config.settings import DEFAULTS, Engines, EngineSettings, Models, Settings
from demod_voice.engines.default_model import RECORD, find_model, model_for, models_folder
from demod_voice.engines.manifest import read_engine
from demod_voice.engines.options import audible_options, options_of
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import FaultsError, ModelMissing, UsageError

TOML = """
name = "own"
summary = "s"
version = "1"
output_version = 1
[capabilities]
operations = ["load", "speak", "speak_many"]
[model]
default = "own-v1"
places = ["$OWN_HOME/models/own_*", "~/own"]
[options.dtype]
default = "float32"
choices = ["float32", "bfloat16"]
doc = "Precision."
[options.compile]
default = "no"
doc = "Compile it."
audible = false
[language_chars]
en = 250
"""


def engine_from(folder: Path, text: str = TOML) -> EngineInfo:
    (folder / "own").mkdir(exist_ok=True)
    (folder / "own" / "engine.toml").write_text(text)
    return read_engine(folder / "own")


def having(*options: str, model: str = "") -> Settings:
    return replace(DEFAULTS, engines=Engines(named={"own": EngineSettings(options=options, model=model)}))


def test_options_have_their_defaults_and_what_is_set(tmp_path):
    info = engine_from(tmp_path)
    assert info.language_chars == {"en": 250}
    assert options_of(info, DEFAULTS) == {"dtype": "float32", "compile": "no"}
    assert options_of(info, having("dtype=bfloat16")) == {"dtype": "bfloat16", "compile": "no"}


def test_only_what_is_heard_and_not_the_default_is_part_of_a_take(tmp_path):
    info = engine_from(tmp_path)
    assert audible_options(info, having("dtype=float32", "compile=yes")) == {}
    assert audible_options(info, having("dtype=bfloat16")) == {"dtype": "bfloat16"}


@pytest.mark.parametrize(("option", "said"), [("dtipe=x", "did you mean dtype?"), ("dtype=int3", "float32, bfloat16")])
def test_a_wrong_option_is_told_with_what_there_is(option, said, tmp_path):
    with pytest.raises(UsageError) as error:
        options_of(engine_from(tmp_path), having(option))
    assert said in f"{error.value.message} {error.value.hint}"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('[options.more]\ndoc = "x"', "option more needs a default and a doc"),
        ('[options.more]\ndoc = "x"\ndefault = "a"\nchoices = ["b"]', "its default 'a' is none of its choices"),
        ('[options.more]\ndoc = "x"\ndefault = "a"\nloud = true', "loud = True is not understood"),
        ("[options.more]\ndefault = 7", "default = 7 is not understood"),
    ],
)
def test_a_wrong_table_is_a_fault_of_the_file(row, said, tmp_path):
    with pytest.raises(FaultsError) as error:
        engine_from(tmp_path, f"{TOML}\n{row}\n")
    assert said in str(error.value)


def test_a_wrong_number_of_characters_is_a_fault(tmp_path):
    with pytest.raises(FaultsError, match="de must be a whole number"):
        engine_from(tmp_path, f'{TOML}de = "many"\n')


def test_a_model_is_looked_for_in_its_places_in_order(tmp_path, monkeypatch):
    info = engine_from(tmp_path)
    assert find_model(info, DEFAULTS) is None
    with pytest.raises(ModelMissing, match="own-v1 is not installed"):
        model_for(info, DEFAULTS)
    theirs = tmp_path / "theirs" / "models" / "own_v1"
    theirs.mkdir(parents=True)
    monkeypatch.setenv("OWN_HOME", str(tmp_path / "theirs"))
    assert model_for(info, DEFAULTS) == str(theirs)
    shared = tmp_path / "shared" / "own-v1"
    shared.mkdir(parents=True)
    settings = replace(DEFAULTS, models=Models(search_path=(str(tmp_path / "shared"),)))
    assert find_model(info, settings) == theirs, "a model without its record is not whole"
    (shared / RECORD).write_text("{}")
    assert find_model(info, settings) == shared
    own = models_folder() / "own-v1"
    own.mkdir(parents=True)
    (own / RECORD).write_text("{}")
    assert find_model(info, settings) == own


def test_a_model_that_is_set_by_its_path_must_be_there(tmp_path):
    with pytest.raises(ModelMissing, match="does not exist"):
        model_for(engine_from(tmp_path), having(model=str(tmp_path / "none")))
    assert model_for(engine_from(tmp_path), having(model=str(tmp_path))) == str(tmp_path)

"""``models ...`` as it is typed, and a pulled model as a voice."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable

import pytest
from support.models import BIG

from demod_voice.api.models import pull_model
from demod_voice.cli import main
from demod_voice.errors import UsageError
from demod_voice.models.installed import model_lock
from demod_voice.records.lock import locked
from demod_voice.voices.resolve import resolve

PIPER = """
[piper-tiny]
engine = "piper"
summary = "A voice"
source = "someone/voices"
below = "en/tiny"
licence = "CC-BY-NC-4.0"
load = "tiny.onnx"
kind = { file = "tiny.onnx.json", key = "phoneme_id_map" }
files = ["tiny.onnx", "tiny.onnx.json"]
"""


@pytest.fixture
def cli(settings, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_list_shows_what_is_here_and_what_can_be_pulled(cli, settings):
    pull_model("tiny", settings=settings)
    code, out, _ = cli("models", "list")
    assert code == 0
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert "ready" in rows["tiny"]
    assert "missing" in rows["xtts-v2"]
    assert "1.7 GB" in rows["xtts-v2"]
    assert "CPML" in rows["xtts-v2"]
    _, out, _ = cli("models", "list", "--engine", "espeak", "--json")
    assert [each["name"] for each in json.loads(out)] == ["bound", "closed", "tiny"]


def test_info_says_source_licence_gate_languages_and_files(cli):
    code, out, _ = cli("models", "info", "xtts-v2")
    assert code == 0
    for words in (
        "coqui/XTTS-v2", "CPML", "cpml", "non-commercial", "zh-CN", "model.pth", "pinned_by_us     yes", "gated            no",
    ):  # fmt: skip
        assert words in out
    _, out, _ = cli("models", "info", "csm-1b", "--json")
    told = json.loads(out)
    assert (told["gated"], told["pinned_by_us"], told["revision"], told["size_bytes"]) == (True, False, "", None)


def test_pull_verify_and_remove(cli, models):
    code, out, err = cli("models", "pull", "bound")
    assert (code, out) == (4, "")
    assert "--accept-licence cpml" in err
    code, out, err = cli("models", "pull", "bound", "--accept-license", "cpml")
    assert code == 0
    assert str(models / "bound") in out
    assert "non-commercial use only" in err
    code, out, _ = cli("models", "info", "bound")
    assert "--accept-licence cpml" in out
    assert cli("models", "verify", "bound")[0] == 0
    (models / "bound" / "config.json").write_text("{}")
    code, out, _ = cli("models", "verify", "bound")
    assert code == 4
    assert "damaged  config.json" in out
    assert "demod-voice models pull bound --again" in out
    (models / "bound" / "config.json").unlink()
    assert "missing  config.json" in cli("models", "verify", "bound")[1]
    code, out, _ = cli("models", "remove", "bound")
    assert code == 0
    assert "freed" in out
    assert not (models / "bound").exists()
    assert cli("models", "remove", "bound")[0] == 2


def test_remove_takes_what_killed_commands_left(cli, models):
    for left in (".partial-bound", ".import-bound", ".old-bound"):
        (models / left).mkdir(parents=True)
        (models / left / "weights.bin").write_bytes(bytes(1 << 20))
    code, out, _ = cli("models", "remove", "bound")
    assert (code, out) == (0, "3.0 MB freed\n")
    assert [path for path in models.iterdir() if path.is_dir()] == []


def test_remove_says_that_it_waits_for_a_pull(program, models):
    models.mkdir(parents=True)
    (models / "tiny").mkdir()
    with locked(model_lock("tiny")):
        process = program("models", "remove", "tiny")
        assert process.stderr is not None
        assert "waiting: another process pulls tiny" in process.stderr.readline()
    assert process.wait(30) == 0
    assert not (models / "tiny").exists()


def test_what_is_not_there_is_told(cli):
    assert cli("models", "info", "nothing")[0] == 2
    assert cli("models", "pull", "nothing")[0] == 2
    assert cli("models", "remove", "../etc")[0] == 2
    code, _, err = cli("models", "verify", "tiny")
    assert code == 4
    assert "demod-voice models pull tiny" in err


def test_a_shared_folder_is_listed_and_never_written(cli, settings, models, tmp_path, monkeypatch):
    pull_model("tiny", settings=settings)
    shared = tmp_path / "shared"
    shutil.copytree(models / "tiny", shared / "tiny")
    shutil.rmtree(models)
    monkeypatch.setenv("DEMOD_VOICE_MODELS__SEARCH_PATH", str(shared))
    _, out, _ = cli("models", "info", "tiny", "--json")
    told = json.loads(out)
    assert (told["state"], told["read_only"], told["path"]) == ("ready", True, str(shared / "tiny"))
    code, _, err = cli("models", "remove", "tiny")
    assert code == 2
    assert "only reads" in err
    assert (shared / "tiny" / "weights.bin").read_bytes() == BIG


def test_health_shows_models_and_who_accepted_their_licence(settings, models):
    from demod_voice.api.health import _models

    (models / ".partial-tiny").mkdir(parents=True)
    from demod_voice.api.models import PullOptions

    model, _ = pull_model("bound", PullOptions(accept="cpml"), settings=settings)
    checks = {each.name: each for each in _models(settings)}
    assert checks["model bound"].status == "ok"
    assert f"accepted by {model.record.accepted.by}" in checks["model bound"].detail
    assert checks["model tiny"].status == "info"
    (model.folder / "config.json").unlink()
    checks = {each.name: each for each in _models(settings)}
    assert (checks["model bound"].status, "--again" in checks["model bound"].hint) == ("failed", True)


class TestVoice:
    @pytest.fixture(autouse=True)
    def pulled(self, settings, hub, registry):
        registry.write_text(PIPER)
        files = {"en/tiny/tiny.onnx": b"o" * 5000, "en/tiny/tiny.onnx.json": b'{"phoneme_id_map": {"a": [1]}}'}
        hub.files["someone/voices"] = files
        return pull_model("piper-tiny", settings=settings)[0]

    @pytest.mark.parametrize("asked", [{"model": "piper-tiny"}, {"voice": "piper-tiny"}], ids=str)
    def test_its_name_is_a_voice_under_its_own_licence(self, settings, pulled, asked):
        voice = resolve(settings, **asked)
        assert (voice.engine.name, voice.voice.model) == ("piper", str(pulled.folder / "tiny.onnx"))
        assert (voice.licence, voice.consent) == ("CC-BY-NC-4.0", "preset")

    def test_it_can_be_saved_as_a_voice(self, settings, cli):
        code, _, err = cli("voices", "add", "amy", "--engine", "piper", "--model", "piper-tiny")
        assert (code, err) == (0, "")
        voice = resolve(settings, voice="amy")
        assert voice.licence == "CC-BY-NC-4.0"
        assert voice.voice.model is not None
        assert voice.voice.model.endswith("tiny.onnx")

    def test_its_licence_is_known_by_its_path_and_as_the_engines_model(self, settings, pulled, monkeypatch):
        from demod_voice.config import load_settings

        assert resolve(settings, model=str(pulled.path)).licence == "CC-BY-NC-4.0"
        monkeypatch.setenv("DEMOD_VOICE_ENGINES__ESPEAK__MODEL", str(pulled.folder))
        assert resolve(load_settings(), engine="espeak").licence == "CC-BY-NC-4.0"

    def test_another_engine_cannot_load_it(self, settings):
        with pytest.raises(UsageError, match="is of engine piper, and engine espeak is asked for"):
            resolve(settings, model="piper-tiny", engine="espeak")

    def test_a_setting_can_name_it(self, settings, pulled, monkeypatch):
        from demod_voice.config import load_settings
        from demod_voice.engines.default_model import model_for
        from demod_voice.engines.locate import engine

        monkeypatch.setenv("DEMOD_VOICE_ENGINES__PIPER__MODEL", "piper-tiny")
        now = load_settings()
        assert model_for(engine("piper", now), now) == str(pulled.folder / "tiny.onnx")

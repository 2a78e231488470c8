"""Pull: everything that comes is kept, checked, and in place only when it is whole."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from support.hub import COMMIT, FakeHub, fake_hub
from support.models import BIG, CONFIG, FILES, PART

from demod_voice.api.models import PullOptions, list_models, pull_model, remove_model, verify_model
from demod_voice.config.settings import Settings
from demod_voice.errors import LicenceRequired, ModelMissing, OutputError, UsageError
from demod_voice.models.installed import installed


class Told:
    """A progress that keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.done, self.total = 0.0, 0.0

    def start(self, step: str, total: float, unit: str = "") -> None:
        self.total = total

    def advance(self, step: str, amount: float = 1.0) -> None:
        self.done += amount

    def finish(self, step: str) -> None: ...

    def note(self, message: str) -> None:
        self.notes.append(message)


def state_of(name: str, settings: Settings) -> str:
    return next(each.state for each in list_models(settings=settings) if each.name == name)


def with_hub(settings: Settings, **changes: object) -> Settings:
    return replace(settings, models=replace(settings.models, **changes))


def test_a_pulled_model_is_whole_recorded_and_ready(settings, hub, models):
    told = Told()
    model, pulled = pull_model("tiny", settings=settings, progress=told)
    assert pulled
    assert model.path == models / "tiny"
    assert (models / "tiny" / "weights.bin").read_bytes() == BIG
    assert (models / "tiny" / "more" / "part.bin").read_bytes() == PART
    record = model.record
    assert (record.revision, record.pinned, record.licence, record.engine) == (COMMIT, False, "MIT", "espeak")
    assert {each.path: each.sha256 for each in record.files} == {
        path: hashlib.sha256(data).hexdigest() for path, data in FILES["someone/tiny"].items()
    }
    assert told.done == told.total == len(BIG) + len(PART) + len(CONFIG)
    assert [path.name for path in models.iterdir() if path.is_dir()] == ["tiny"]
    assert not (models / "tiny" / "pull.json").exists()
    assert state_of("tiny", settings) == "ready"
    assert {each.status for each in verify_model("tiny", settings=settings)} == {"ok"}


def test_a_model_that_is_here_is_not_fetched_again(settings, hub):
    pull_model("tiny", settings=settings)
    before = len(hub.asked)
    _, pulled = pull_model("tiny", settings=settings)
    assert not pulled
    assert len(hub.asked) == before


def test_a_cut_connection_goes_on_where_it_was(settings, hub, quick):
    hub.behaviour.cut_after = 1_000_000
    told = Told()
    pull_model("tiny", settings=settings, progress=told)
    ranges = [asked for path, asked, _ in hub.asked if path == "weights.bin"]
    assert ranges == ["", "bytes=1000000-", "bytes=2000000-"]
    assert hub.sent["weights.bin"] == len(BIG)
    assert told.done == told.total
    assert any("cut" in note for note in told.notes)


def test_what_an_interrupted_pull_brought_is_not_fetched_again(settings, hub, models):
    half = models / ".partial-tiny"
    half.mkdir(parents=True)
    plan = {path: [len(data), _content(data)] for path, data in FILES["someone/tiny"].items()}
    (half / "pull.json").write_text(json.dumps({"source": "someone/tiny", "revision": COMMIT, "files": plan}))
    (half / "config.json").write_bytes(CONFIG)
    (half / "weights.bin.part").write_bytes(BIG[:2_500_000])
    status = next(each for each in list_models(settings=settings) if each.name == "tiny")
    assert (status.state, round(status.share, 2)) == ("partial", 0.74)
    told = Told()
    pull_model("tiny", settings=settings, progress=told)
    assert "config.json" not in hub.sent
    assert hub.sent["weights.bin"] == 500_000
    assert told.done == told.total
    assert {each.status for each in verify_model("tiny", settings=settings)} == {"ok"}


def _content(data: bytes) -> str:
    if len(data) >= 1000:
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()


def test_a_part_of_other_bytes_is_thrown_away_and_fetched_anew(settings, hub, models):
    half = models / ".partial-tiny"
    half.mkdir(parents=True)
    plan = {path: [len(data), _content(data)] for path, data in FILES["someone/tiny"].items()}
    (half / "pull.json").write_text(json.dumps({"files": plan}))
    (half / "weights.bin.part").write_bytes(b"x" * 1000)
    told = Told()
    pull_model("tiny", settings=settings, progress=told)
    assert {each.status for each in verify_model("tiny", settings=settings)} == {"ok"}
    assert any("anew" in note for note in told.notes)
    assert told.done == told.total


def test_killed_between_the_last_two_steps_it_is_put_in_place(settings, hub, models):
    pull_model("tiny", settings=settings)
    (models / "tiny").rename(models / ".partial-tiny")
    hub.asked.clear()
    model, _ = pull_model("tiny", settings=settings)
    assert (hub.asked, model.folder) == ([], models / "tiny")
    assert not (models / ".partial-tiny").exists()


def test_where_nothing_came_nothing_is_half_there(settings, models):
    with pytest.raises(ModelMissing):
        pull_model("tiny", settings=with_hub(settings, hub_url="http://127.0.0.1:9"))
    assert state_of("tiny", settings) == "missing"
    assert [path for path in models.iterdir() if path.is_dir()] == []
    with pytest.raises(UsageError, match="nothing to remove"):
        remove_model("tiny", settings=settings)


def test_killed_between_two_renames_the_old_model_is_found_again(settings, hub, models):
    pull_model("tiny", settings=settings)
    (models / "tiny").rename(models / ".old-tiny")
    hub.asked.clear()
    model, pulled = pull_model("tiny", settings=settings)
    assert (hub.asked, model.folder, pulled) == ([], models / "tiny", False)
    assert not (models / ".old-tiny").exists()


def test_a_source_that_is_gone_is_no_network_that_is_away(settings, hub):
    hub.files.clear()
    with pytest.raises(ModelMissing, match="404") as caught:
        pull_model("tiny", settings=settings)
    assert f"look at {hub.url}/someone/tiny" in (caught.value.hint or "")
    assert "Without a network" not in str(caught.value)


def test_what_cannot_be_put_in_place_is_told(settings, models, monkeypatch):
    pull_model("tiny", settings=settings)
    (models / "tiny").rename(models / ".partial-tiny")
    (models / ".old-tiny").write_text("in the way")
    (models / "tiny").mkdir()
    with pytest.raises(OutputError, match=r"\.partial-tiny"):
        pull_model("tiny", settings=settings)
    (models / ".old-tiny").unlink()
    assert pull_model("tiny", settings=settings)[0].folder == models / "tiny"


def test_a_finished_file_that_was_damaged_since_is_fetched_anew(settings, hub, models):
    half = models / ".partial-tiny"
    half.mkdir(parents=True)
    plan = {path: [len(data), _content(data)] for path, data in FILES["someone/tiny"].items()}
    (half / "pull.json").write_text(json.dumps({"files": plan}))
    (half / "config.json").write_bytes(CONFIG.replace(b"2", b"3"))
    (half / "weights.bin").write_bytes(bytes(1) + BIG[1:])
    pull_model("tiny", settings=settings)
    assert (models / "tiny" / "weights.bin").read_bytes() == BIG
    assert (models / "tiny" / "config.json").read_bytes() == CONFIG


def test_another_revision_than_the_one_that_is_here_is_pulled(settings, hub):
    pull_model("tiny", settings=settings)
    assert not pull_model("tiny", PullOptions(revision=COMMIT), settings=settings)[1]
    hub.commit = "b" * 40
    hub.files["someone/tiny"]["more/part.bin"] = b"newer" * 1000
    hub.sent.clear()
    model, pulled = pull_model("tiny", PullOptions(revision="b" * 40), settings=settings)
    assert (pulled, model.record.revision) == (True, "b" * 40)
    assert (model.folder / "more" / "part.bin").read_bytes() == b"newer" * 1000
    assert "weights.bin" not in hub.sent
    with pytest.raises(ModelMissing, match="404"):
        pull_model("tiny", PullOptions(revision="c" * 40), settings=settings)


def test_a_model_whose_file_is_gone_is_pulled_again(settings, hub, models):
    pull_model("tiny", settings=settings)
    (models / "tiny" / "weights.bin").unlink()
    assert pull_model("tiny", settings=settings)[1]
    assert state_of("tiny", settings) == "ready"


def test_a_model_on_another_disk_keeps_its_files_when_its_link_goes(settings, models, tmp_path):
    pull_model("tiny", settings=settings)
    (models / "tiny").rename(tmp_path / "far")
    (models / "tiny").symlink_to(tmp_path / "far")
    assert state_of("tiny", settings) == "ready"
    remove_model("tiny", settings=settings)
    assert not (models / "tiny").exists()
    assert (tmp_path / "far" / "weights.bin").read_bytes() == BIG


def test_a_hub_that_moved_on_gives_its_new_files(settings, hub, models):
    half = models / ".partial-tiny"
    half.mkdir(parents=True)
    (half / "pull.json").write_text(json.dumps({"files": {"weights.bin": [len(BIG), "f" * 64]}}))
    (half / "weights.bin").write_bytes(b"o" * len(BIG))
    pull_model("tiny", settings=settings)
    assert (models / "tiny" / "weights.bin").read_bytes() == BIG


def test_a_hub_without_ranges_sends_it_from_the_beginning(settings, hub, quick):
    hub.behaviour.cut_after, hub.behaviour.cuts, hub.behaviour.ranges = 1_500_000, 1, False
    told = Told()
    pull_model("tiny", settings=settings, progress=told)
    assert {each.status for each in verify_model("tiny", settings=settings)} == {"ok"}
    assert told.done == told.total


@pytest.mark.parametrize("lie", [BIG[:-1] + b"!", b"!" + BIG, BIG[:-1000]], ids=["other bytes", "longer", "shorter"])
def test_other_bytes_than_promised_are_never_in_place(settings, hub, models, lie, quick):
    hub.behaviour.lie = {"weights.bin": lie}
    with pytest.raises(ModelMissing, match=r"weights\.bin|cut|416") as caught:
        pull_model("tiny", settings=with_hub(settings, timeout_s=0.3))
    assert caught.value.exit_code == 4
    assert not (models / "tiny").exists()
    hub.behaviour.lie = {}
    pull_model("tiny", settings=settings)
    assert {each.status for each in verify_model("tiny", settings=settings)} == {"ok"}


def test_a_small_file_is_checked_by_its_git_id(settings, hub, models):
    hub.behaviour.lie = {"config.json": CONFIG.replace(b"2", b"3")}
    with pytest.raises(ModelMissing, match=r"config\.json is not what the hub said"):
        pull_model("tiny", settings=settings)
    assert not (models / "tiny").exists()


@pytest.mark.parametrize(("status", "words"), [(403, "403"), (404, "404"), (500, "500"), (429, "429")], ids=str)
def test_a_hub_that_refuses_is_told_and_nothing_is_half_there(settings, hub, models, status, words, quick):
    hub.behaviour.status = status
    with pytest.raises((ModelMissing, LicenceRequired), match=words) as caught:
        pull_model("tiny", settings=settings)
    assert caught.value.exit_code == 4
    assert caught.value.hint
    assert not (models / "tiny").exists()
    hub.behaviour.status = 0
    pull_model("tiny", settings=settings)


def test_a_hub_that_is_busy_for_a_moment_is_waited_for(settings, hub, quick):
    hub.behaviour.fail_first = 2
    told = Told()
    pull_model("tiny", settings=settings, progress=told)
    assert sum("trying again" in note for note in told.notes) == 2


def test_a_silent_hub_is_given_up_after_its_time(settings, hub, models, quick):
    hub.behaviour.pace, hub.behaviour.pause_s = 1000, 2.0
    began = time.monotonic()
    with pytest.raises(ModelMissing, match="silent for too long"):
        pull_model("tiny", settings=with_hub(settings, timeout_s=0.1))
    assert time.monotonic() - began < 10
    assert (models / ".partial-tiny").is_dir()


def test_a_hub_that_is_not_there_says_what_to_bring(settings, models):
    with pytest.raises(ModelMissing, match="cannot be reached") as caught:
        pull_model("tiny", settings=with_hub(settings, hub_url="http://127.0.0.1:9"))
    hint = caught.value.hint or ""
    for name in ("config.json", "weights.bin", "more/part.bin"):
        assert f"http://127.0.0.1:9/someone/tiny/resolve/main/{name}" in hint
    assert "demod-voice models import FOLDER --name tiny" in hint


def test_offline_by_the_hubs_own_variable_asks_nobody(settings, hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelMissing, match="HF_HUB_OFFLINE"):
        pull_model("tiny", settings=settings)
    assert hub.asked == []


def test_a_file_that_the_source_has_not_is_named(settings, hub):
    del hub.files["someone/tiny"]["more/part.bin"]
    with pytest.raises(ModelMissing, match=r"has no more/part\.bin"):
        pull_model("tiny", settings=settings)
    assert hub.asked == []


def test_a_pinned_file_that_differs_is_refused_before_it_is_fetched(settings, hub, registry):
    pin = f'revision = "{COMMIT}"\nfiles = [{{ path = "weights.bin", size = {len(BIG)}, sha256 = "{"0" * 64}" }}]'
    registry.write_text(
        f'[pinned]\nengine = "espeak"\nsummary = "s"\nsource = "someone/tiny"\nlicence = "MIT"\n{pin}\n'
    )
    with pytest.raises(ModelMissing, match="is not the file that the registry names"):
        pull_model("pinned", settings=settings)
    assert hub.asked == []
    model, _ = pull_model("pinned", PullOptions(revision="main"), settings=settings)
    assert (model.record.revision, model.record.pinned) == (COMMIT, False)


def test_another_kind_of_model_is_refused(settings, hub, models):
    hub.files["someone/tiny"]["config.json"] = b'{"model": "huge"}'
    with pytest.raises(ModelMissing, match="another kind of model: it says 'huge'"):
        pull_model("tiny", settings=settings)
    assert not (models / "tiny").exists()


class TestLicence:
    def test_nothing_is_fetched_before_it_is_accepted(self, settings, hub, models):
        with pytest.raises(LicenceRequired) as caught:
            pull_model("bound", settings=settings)
        assert "non-commercial use only" in caught.value.message
        assert "https://example.org/cpml" in caught.value.message
        assert "demod-voice models pull bound --accept-licence cpml" in (caught.value.hint or "")
        assert hub.asked == []
        assert not models.exists()

    def test_the_word_accepts_it_and_is_recorded(self, settings):
        model, _ = pull_model("bound", PullOptions(accept="CPML"), settings=settings)
        said = model.record.accepted
        assert said is not None
        assert (said.licence, said.how) == ("CPML", "--accept-licence cpml")
        assert said.by
        assert said.at.endswith("Z")

    def test_the_variable_of_its_own_tools_accepts_it(self, settings, monkeypatch):
        monkeypatch.setenv("COQUI_TOS_AGREED", "1")
        model, _ = pull_model("bound", settings=settings)
        assert model.record.accepted is not None
        assert model.record.accepted.how == "COQUI_TOS_AGREED=1"

    def test_another_word_is_a_mistake(self, settings):
        with pytest.raises(UsageError, match="mit is not the licence of bound"):
            pull_model("bound", PullOptions(accept="mit"), settings=settings)

    def test_again_keeps_the_acceptance(self, settings):
        first, _ = pull_model("bound", PullOptions(accept="cpml"), settings=settings)
        again, pulled = pull_model("bound", PullOptions(again=True), settings=settings)
        assert pulled
        assert again.record.accepted == first.record.accepted


class TestGated:
    def test_without_a_token_it_says_how_to_get_one(self, settings, hub):
        hub.behaviour.token = "hf_secret"
        with pytest.raises(LicenceRequired, match="accounts that asked for access") as caught:
            pull_model("closed", settings=settings)
        assert f"{hub.url}/someone/tiny" in (caught.value.hint or "")
        assert "HF_TOKEN" in (caught.value.hint or "")

    def test_a_token_of_another_account_is_told_apart(self, settings, hub, monkeypatch):
        hub.behaviour.token = "hf_secret"
        monkeypatch.setenv("HF_TOKEN", "hf_other")
        with pytest.raises(LicenceRequired, match="account of the token may not have it") as caught:
            pull_model("closed", settings=settings)
        assert "hf_other" not in str(caught.value)

    @pytest.mark.parametrize("place", ["HF_TOKEN", "file", "HF_HOME"])
    def test_the_token_is_found_where_the_hubs_own_tools_keep_it(self, settings, hub, monkeypatch, tmp_path, place):
        hub.behaviour.token = "hf_secret"
        folder = Path(os.environ["XDG_CACHE_HOME"]) / "huggingface" if place == "file" else tmp_path
        if place == "HF_TOKEN":
            monkeypatch.setenv("HF_TOKEN", "hf_secret")
        else:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "token").write_text("hf_secret\n")
        if place == "HF_HOME":
            monkeypatch.setenv("HF_HOME", str(tmp_path))
        model, _ = pull_model("closed", settings=settings)
        assert model.path.name == "weights.bin"

    def test_the_token_is_not_sent_for_a_model_that_is_open(self, settings, hub, monkeypatch):
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        pull_model("tiny", settings=settings)
        assert {token for _, _, token in hub.asked} == {""}

    def test_the_token_does_not_follow_to_another_host(self, settings, hub, monkeypatch):
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        with fake_hub(FILES) as other:
            hub.behaviour.redirect = other.url.replace("127.0.0.1", "localhost")
            monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
            pull_model("closed", settings=settings)
            assert {token for _, _, token in other.asked} == {""}
        assert {token for _, _, token in hub.asked} == {"Bearer hf_secret"}


def test_two_pulls_at_once_fetch_it_once(settings, hub):
    hub.behaviour.pause_s = 0.02
    done: list[bool] = []
    workers = [threading.Thread(target=lambda: done.append(pull_model("tiny", settings=settings)[1])) for _ in range(2)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert sorted(done) == [False, True]
    assert hub.sent["weights.bin"] == len(BIG)


def test_again_fetches_only_what_is_damaged(settings, hub, models):
    pull_model("tiny", settings=settings)
    (models / "tiny" / "more" / "part.bin").write_bytes(b"damaged")
    hub.sent.clear()
    assert {each.path: each.status for each in verify_model("tiny", settings=settings)} == {
        "config.json": "ok", "weights.bin": "ok", "more/part.bin": "damaged",
    }  # fmt: skip
    assert state_of("tiny", settings) == "damaged"
    pull_model("tiny", PullOptions(again=True), settings=settings)
    assert "weights.bin" not in hub.sent
    assert {each.status for each in verify_model("tiny", settings=settings)} == {"ok"}


def test_too_little_space_is_told_before_anything_comes(settings, hub, small_disk, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(small_disk(2)))
    with pytest.raises(OutputError, match="disk is full") as caught:
        pull_model("tiny", settings=settings)
    assert caught.value.exit_code == 7
    assert hub.asked == []


def test_a_disk_that_fills_up_on_the_way_ends_in_7_and_goes_on_later(settings, hub, small_disk, monkeypatch, tmp_path):
    disk = small_disk(4)
    monkeypatch.setenv("XDG_DATA_HOME", str(disk))
    filled: list[Path] = []

    class Filling(Told):
        def advance(self, step: str, amount: float = 1.0) -> None:
            super().advance(step, amount)
            if self.done > 1_000_000 and not filled:
                filled.append(disk / "other")
                free = os.statvfs(disk).f_bavail * 4096
                (disk / "other").write_bytes(b"x" * (free - 300_000))

    with pytest.raises(OutputError, match="disk is full") as caught:
        pull_model("tiny", settings=settings, progress=Filling())
    assert caught.value.exit_code == 7
    assert installed("tiny", settings) is None
    (disk / "other").unlink()
    hub.sent.clear()
    pull_model("tiny", settings=settings)
    assert hub.sent["weights.bin"] < len(BIG) - 900_000
    assert {each.status for each in verify_model("tiny", settings=settings)} == {"ok"}


@pytest.mark.parametrize("status", [401, 403], ids=str)
def test_a_model_that_is_not_known_as_gated_says_what_may_be(settings, hub, status):
    hub.behaviour.status = status
    with pytest.raises(ModelMissing) as caught:
        pull_model("tiny", settings=settings)
    assert "gated = true" in (caught.value.hint or "")


def test_a_proxy_that_cannot_be_used_is_told(settings, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://proxy:1")
    with pytest.raises(UsageError, match="proxy"):
        pull_model("tiny", settings=settings)


def test_a_wrong_address_is_told(settings):
    with pytest.raises(UsageError, match=r"models\.hub_url"):
        pull_model("tiny", settings=with_hub(settings, hub_url="not an address"))


def test_a_name_that_is_not_there_gets_its_nearest(settings):
    with pytest.raises(UsageError, match="no model 'tinny'") as caught:
        pull_model("tinny", settings=settings)
    assert "tiny" in (caught.value.hint or "")


def test_hf_endpoint_is_the_hub_when_no_setting_names_one(hub: FakeHub, monkeypatch):
    from demod_voice.config import load_settings

    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    model, _ = pull_model("tiny", settings=load_settings())
    assert model.record.revision == COMMIT

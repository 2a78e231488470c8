"""The review's server as a process: who may talk to it, what it answers, and that a kill loses nothing."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from support.datasets import make_dataset
from support.reviewing import Reviewing

from demod_voice.dataset.review.journal import FILE, read_decisions
from demod_voice.dataset.review.replay import apply_reviews
from demod_voice.dataset.store import Dataset

pytestmark = pytest.mark.slow

HOSTILE = '</textarea><script>document.title="broken"</script><img src=x onerror=alert(1)>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(
        tmp_path_factory.mktemp("review") / "data", recordings=3, segments=5, seconds=0.5, quarantined=1, anchors=1
    ).path


@pytest.fixture(scope="module")
def served(folder: Path):
    """A server that every test of this module may ask; none decides anything that another looks at."""
    with Reviewing(folder, "--reviewer", "ann") as found:
        found.log_in()
        yield found


def test_the_address_lets_a_browser_in_and_nothing_else_does(served: Reviewing):
    assert served.address.startswith("http://127.0.0.1:")
    assert served.get("/", cookie="").status == 401
    assert served.get("/?token=wrong", cookie="").status == 401
    assert served.get("/?token=", cookie="").status == 401
    assert served.get(f"/?token={served.token}x", cookie="").status == 401
    assert served.get(f"/api/dataset?token={served.token}", cookie="").status == 401, "the token opens the page alone"
    assert served.get("/api/dataset").status == 200
    page = served.get(f"/?token={served.token}", cookie="")
    assert "HttpOnly" in page.headers["set-cookie"]
    assert "SameSite=Strict" in page.headers["set-cookie"]
    assert served.token not in page.headers["set-cookie"]


@pytest.mark.parametrize(
    "path", ["/", "/static/review.js", "/api/dataset", "/api/find", "/api/clips?at=0", "/audio?id=x"]
)
def test_everything_needs_the_cookie(served: Reviewing, path):
    for cookie in ("", "demod_review=x", f"demod_review_{served.port}=guess", "=;;=\x01"):
        assert served.get(path, cookie=cookie).status == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1:1", "127.0.0.1", "{port}", "192.168.1.2:{port}"]
)
def test_a_name_that_points_here_is_refused(served: Reviewing, host):
    assert served.get(f"/?token={served.token}", host=host.format(port=served.port)).status == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": ""},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "https://127.0.0.1:{port}"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_another_sites_post_changes_nothing(served: Reviewing, folder, headers):
    clip = served.clip(0)
    said = {name: value.format(port=served.port) for name, value in headers.items()}
    wish = {"clip": clip["id"], "action": "reject", "revision": clip["revision"]}
    for path in ("/api/decide", "/api/undo", "/api/finish"):
        assert served.post(path, wish, **said).status == 403
    assert served.clip(0) == clip
    assert served.process.poll() is None


def test_every_answer_carries_the_policy(served: Reviewing):
    for answer in (served.get("/"), served.get("/api/dataset"), served.get("/nowhere"), served.get("/", cookie="")):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert "require-trusted-types-for 'script'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_no_file_but_its_own_is_served(served: Reviewing):
    for name in ("../server.py", "..%2fserver.py", "%2e%2e/server.py", "server.py", "review.html", "/etc/passwd", "x"):
        assert served.get(f"/static/{name}").status == 404
    for clip in ("../../../etc/passwd", "", "x", "dataset.json"):
        assert served.get(f"/audio?id={clip}&sound={'0' * 64}").status in (404, 422)


def test_sound_is_kept_by_its_content_and_given_in_parts(served: Reviewing, folder):
    clip = served.clip(0)
    path = f"/audio?id={clip['id']}&sound={clip['sound']}"
    whole = served.get(path)
    assert whole.body == Dataset(folder).object_path(clip["sound"]).read_bytes()
    assert whole.headers["content-type"] == "audio/wav"
    assert "immutable" in whole.headers["cache-control"]
    part = served.get(path, range="bytes=100-199")
    assert (part.status, part.body) == (206, whole.body[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.body)}"
    assert served.get(path, range="bytes=999999999-").status == 416
    assert served.get(f"/audio?id={clip['id']}&sound=old").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b"[" * 60_000,
        b"x" * 200_000,
        {},
        {"clip": "x", "action": "accept", "revision": 0},
        {"clip": 1, "action": "accept", "revision": 0},
        {"clip": "ID", "action": "explode", "revision": 0},
        {"clip": "ID", "action": "accept", "revision": "0"},
        {"clip": "ID", "action": "accept", "revision": True},
        {"clip": "ID", "action": "accept", "revision": 0, "path": "/etc/passwd"},
        {"clip": "ID", "action": "accept", "revision": 0, "who": "somebody else"},
        {"clip": "ID", "action": "trim", "revision": 0, "first_sample": -1, "num_samples": 9000},
        {"clip": "ID", "action": "trim", "revision": 0, "first_sample": 0, "num_samples": 10**9},
        {"clip": "ID", "action": "trim", "revision": 0, "first_sample": 0, "num_samples": 5},
        {"clip": "ID", "action": "text", "revision": 0, "text": "x" * 10_001},
        {"clip": "ID", "action": "text", "revision": 0, "text": "\ud800"},
    ],
)
def test_a_wrong_decision_is_refused_and_decides_nothing(served: Reviewing, folder, body):
    if isinstance(body, dict) and body.get("clip") == "ID":
        body = {**body, "clip": served.clip(1)["id"]}
    before = (folder / FILE).read_bytes() if (folder / FILE).exists() else b""
    answer = served.post("/api/decide", body)
    assert answer.status == 422
    assert answer.json()["error"]
    assert ((folder / FILE).read_bytes() if (folder / FILE).exists() else b"") == before


def test_a_decision_needs_the_form_that_other_sites_cannot_send(served: Reviewing):
    wish = {"clip": served.clip(1)["id"], "action": "accept", "revision": 0}
    assert served.post("/api/decide", wish, content_type="text/plain").status == 422


def test_hostile_text_stays_text(tmp_path):
    dataset = make_dataset(tmp_path / "data", recordings=1, segments=2, seconds=0.5)
    with Reviewing(dataset.path) as served:
        served.log_in()
        told = served.decide(0, "text", text=f"  {HOSTILE}\n\tä\x07 ")
        assert told.headers["content-type"].startswith("application/json")
        assert told.json()["clip"]["text"] == f"{HOSTILE} ä", "one line, without control characters"
        assert HOSTILE.encode() not in served.get("/").body


def test_a_decision_is_on_the_disk_when_it_is_answered_and_no_kill_loses_one(tmp_path):
    dataset = make_dataset(tmp_path / "data", recordings=2, segments=10, seconds=0.2)
    rng, wanted = random.Random(4), []
    for _ in range(4):
        with Reviewing(dataset.path, "--reviewer", "ann") as served:
            served.log_in()
            for _ in range(rng.randint(1, 4)):
                place, action = rng.randrange(20), rng.choice(["accept", "reject", "text"])
                clip = served.clip(place)
                text = {"text": f"Text {len(wanted)}"} if action == "text" else {}
                answer = served.decide(place, action, **text)
                assert answer.status == 200
                if answer.json()["clip"]["revision"] != clip["revision"]:
                    wanted.append((clip["id"], action))
                assert [(each.clip, each.action) for each in read_decisions(dataset.path / FILE)] == wanted
    assert [each.message for each in dataset.versions()] == ["dataset build"], "nothing else was written"
    assert apply_reviews(dataset.path).decisions == len(wanted) > 4


def test_two_reviewers_see_each_other(tmp_path):
    dataset = make_dataset(tmp_path / "data", recordings=1, segments=3, seconds=0.5)
    with Reviewing(dataset.path, "--reviewer", "ann") as ann, Reviewing(dataset.path, "--reviewer", "bob") as bob:
        ann.log_in()
        bob.log_in()
        seen = ann.clip(0)
        assert bob.decide(0, "reject").status == 200
        stale = ann.post("/api/decide", {"clip": seen["id"], "action": "accept", "revision": seen["revision"]})
        assert stale.status == 409
        assert "bob" in stale.json()["error"]
        assert stale.json()["clip"]["review"] == "rejected"
        assert ann.decide(0, "accept").status == 200, "now it was seen"
        undone = bob.post("/api/undo", {})
        assert undone.status == 409, "bob does not undo what ann decided since"
        assert ann.post("/api/undo", {}).json()["clip"]["review"] == "rejected"
    assert [(each.who, each.action) for each in read_decisions(dataset.path / FILE)] == [
        ("bob", "reject"),
        ("ann", "accept"),
        ("ann", "undo"),
    ]


def test_ctrl_c_brings_the_decisions_into_the_rows(tmp_path):
    dataset = make_dataset(tmp_path / "data", recordings=2, segments=3, seconds=0.5)
    with Reviewing(dataset.path, "--reviewer", "ann") as served:
        served.log_in()
        served.decide(0, "reject")
        served.decide(1, "trim", first_sample=2400, num_samples=4800)
        served.decide(2, "text", text="As it was said.")
        served.decide(3, "accept")
        served.post("/api/undo", {})
        code, out, err = served.end()
    assert code == 0, err
    assert "1 accepted, 1 rejected, 1 texts, 1 trims, 1 undone" in out
    assert "1 of 6 clips decided: 0 accepted, 1 rejected" in out
    assert "bringing 5 decisions into the dataset" in err
    rows = dataset.manifest().segments
    assert [each.review for each in rows] == ["rejected", "", "", "", "", ""]
    assert rows[1].duration_s == 0.2
    assert rows[2].text == "As it was said."


def test_the_page_may_finish_and_the_next_review_goes_on(tmp_path):
    dataset = make_dataset(tmp_path / "data", recordings=1, segments=3, seconds=0.5)
    with Reviewing(dataset.path, "--reviewer", "ann") as served:
        served.log_in()
        whole = served.clip(1)
        served.decide(0, "reject")
        served.decide(1, "trim", first_sample=2400, num_samples=4800)
        assert served.post("/api/finish", {}).json()["pending"] == 2
        served.process.communicate(timeout=30)
        assert served.process.returncode == 0
    with Reviewing(dataset.path, "--reviewer", "ann") as served:
        served.log_in()
        trimmed = served.clip(1)
        assert trimmed["sound"] == whole["sound"], "handles can go back to where the clip was cut"
        assert (trimmed["first_sample"], trimmed["num_samples"]) == (2400, 4800)
        undone = served.post("/api/undo", {}).json()["clip"]
        assert (undone["first_sample"], undone["num_samples"]) == (0, 12000)
        assert served.end()[0] == 0
    assert dataset.manifest().segments[1].sha256 == whole["sound"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "demod_voice", "dataset", "review", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "other machines"),
        (["--only", "colour=red"], "unknown filter 'colour'"),
        (["--only", "state=maybe"], "unknown state 'maybe'"),
        (["--only", "snr_db=loud"], "snr_db=loud has no bounds"),
        (["--only", "nothing"], "is no filter"),
        (["--port", "99999"], "99999 is no port"),
    ],
)
def test_a_wrong_wish_is_told_before_anything_is_served(folder, arguments, words):
    done = run(str(folder), "--no-browser", *arguments)
    assert done.returncode == 2
    assert words in done.stderr


def test_a_taken_port_is_told(served: Reviewing, folder):
    done = run(str(folder), "--no-browser", "--port", str(served.port))
    assert done.returncode == 2
    assert "cannot listen" in done.stderr


def test_earlier_decisions_are_applied_without_a_page(tmp_path):
    dataset = make_dataset(tmp_path / "data", recordings=1, segments=3, seconds=0.5)
    with Reviewing(dataset.path) as served:
        served.log_in()
        served.decide(0, "reject")
    done = run(str(dataset.path), "--apply", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["applied"], told["changed"], told["rejected"], told["kept"]) == (1, 1, 1, 2)
    assert run(str(tmp_path), "--apply").returncode == 2

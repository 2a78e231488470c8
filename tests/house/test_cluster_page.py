"""The files that docs/cluster.md shows can be read by whom they are for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from demod_voice.config.schema import keys

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "cluster.md").read_text()
BLOCKS = re.findall(r"^```yaml\n# (\S+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def documents(name: str) -> list[Any]:
    """What a file of the page holds."""
    return list(YAML(typ="safe", pure=True).load_all(dict(BLOCKS)[name]))


def test_every_block_has_a_name_and_can_be_read():
    assert [name for name, _ in BLOCKS] == ["cluster.yaml", "raycluster.yaml", "batch.yaml"]
    assert PAGE.count("```yaml") == len(BLOCKS)
    assert [len(documents(name)) for name, _ in BLOCKS] == [1, 1, 2]


def test_the_launchers_file_is_one_that_ray_takes():
    from ray.autoscaler._private import util

    config = util.prepare_config(documents("cluster.yaml")[0])
    util.validate_config(config)
    assert config["max_workers"] == len(config["provider"]["worker_ips"])


def test_the_cluster_and_the_job_belong_together():
    (cluster,) = documents("raycluster.yaml")
    job, claim = documents("batch.yaml")
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    groups = [cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]]
    images = {each["image"] for group in groups for each in group["template"]["spec"]["containers"]}
    assert images == {container["image"]} == {"demod-voice:latest"}
    name = cluster["metadata"]["name"]
    assert f"--address={name}-head-svc:6379 --num-cpus=0" in container["args"][0]
    assert container["env"][1]["valueFrom"]["secretKeyRef"] == {"name": name, "key": "auth_token"}
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert all("livenessProbe" in each for group in groups for each in group["template"]["spec"]["containers"])


def test_the_versions_and_the_settings_are_those_of_the_program():
    (version,) = re.findall(r"^ray==(\S+) ", (ROOT / "requirements-ray.txt").read_text(), re.MULTILINE)
    assert documents("raycluster.yaml")[0]["spec"]["rayVersion"] == version
    assert set(re.findall(r"`(batch\.ray\.\w+)`", PAGE)) == {name for name in keys() if name.startswith("batch.ray.")}

"""A dataset's folder: what a commit lays out, and that a kill at any moment of it is finished by the next command."""

from __future__ import annotations


def test_a_commit_lays_out_what_the_manifest_says(dataset):
    manifest = dataset.manifest()
    found = {str(path.relative_to(dataset.path)) for path in dataset.path.glob("[a-z]*/*.wav")}
    wanted = {each.path for each in manifest.segments} | {"ref/anchor_01.wav", "ref/anchor_02.wav"}
    assert found == wanted
    assert sum(path.startswith("quarantine/") for path in found) == 3
    for segment in manifest.segments:
        assert (dataset.path / segment.path).samefile(dataset.object_path(segment.sha256))

"""The flags of ``batch run --executor ray``; docs/cluster.md tells what they mean."""

from __future__ import annotations

from demod_voice.cli.app import Parser, add_setting_flag


def add_ray_flags(parser: Parser) -> None:
    """Declare which cluster is meant, and what one actor of it takes."""
    parser.add_argument(
        "--ray-address",
        metavar="ADDRESS",
        default="",
        help="of the cluster: auto, HOST:6379 (default: RAY_ADDRESS, else a cluster of its own on this machine)",
    )
    add_setting_flag(parser, "--ray-cpus", key="batch.ray.cpus", metavar="N", help="processors of one actor")
    add_setting_flag(
        parser, "--ray-gpus", key="batch.ray.gpus", metavar="N", help="GPUs of one actor, 0.5 = half of one"
    )

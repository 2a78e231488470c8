"""A cover as an attached picture of a libav container (MP3, FLAC)."""

from __future__ import annotations

from typing import Any

import av
from av.stream import Disposition

from demod_voice.media.pictures import Picture


def add_cover(sink: Any, picture: Picture | None) -> None:
    """Add a cover to a container whose other streams are all there; its header is written with it.

    The picture's own bytes are copied: nothing decodes them.
    """
    if picture is None:
        return
    codec, pixels = ("png", "rgb24") if picture.mime == "image/png" else ("mjpeg", "yuvj420p")
    stream = sink.add_stream(codec, rate=1)
    stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, pixels
    stream.disposition = Disposition.attached_pic
    stream.metadata["comment"] = "Cover (front)"
    sink.start_encoding()
    packet = av.Packet(picture.data)
    packet.stream = stream
    packet.pts = packet.dts = 0
    packet.is_keyframe = True
    sink.mux(packet)

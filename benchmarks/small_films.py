"""Small films with sound, made by ffmpeg."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.media_files import encode


def film(seconds: int, number: int) -> bytes:
    """Return an MP4 with a moving pattern and a tone, whose height is that of `number`."""
    with tempfile.TemporaryDirectory() as folder:
        picture = ("-f", "lavfi", "-i", f"testsrc2=d={seconds}:s=640x360:r=25")
        tone = ("-f", "lavfi", "-i", f"sine=d={seconds}:f={200 + number}")
        return encode(
            Path(folder) / "film.mp4", *picture, *tone, "-preset", "veryfast"
        ).read_bytes()

"""Sound and film files of a few seconds, made by the encoder that also reads them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from chalicelib.media.ffmpeg import executable

TONE = ("-f", "lavfi", "-i", "sine=d=2:f=440:r=44100")
EMPTY = ("-f", "lavfi", "-i", "sine=d=1,atrim=end=0", "-map", "0:v", "-map", "1:a")
"""Of a film, a sound of no sample; Matroska keeps its stream."""
FILM = ("-f", "lavfi", "-i", "testsrc2=d=2:s=160x120:r=25")


def encode(path: Path, *arguments: str) -> Path:
    """Write the file at `path` by ffmpeg with `arguments`, and return `path`."""
    command = [executable(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
    subprocess.run([*command, *arguments, str(path)], check=True, timeout=60)
    return path

"""faster-whisper on the same recordings, in an environment of its own.

`python theirs.py MODEL JOBS`: JOBS is JSON, for each of several settings the paths of WAV files at
16 kHz. Printed is JSON: for each setting the texts, the starts of words and the seconds of CPU.
"""

from __future__ import annotations

import json
import sys
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np
from faster_whisper import WhisperModel

SETTINGS: dict[str, dict[str, Any]] = {
    "faster-whisper, greedy": {"beam_size": 1, "vad_filter": True},
    "faster-whisper, beam of 5": {"beam_size": 5, "vad_filter": True},
    "faster-whisper, without voice activity": {"beam_size": 1, "vad_filter": False},
}


def main(model: str, jobs: str) -> None:
    """Print what is heard by each of the settings."""
    whisper = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=1)
    wanted = json.loads(Path(jobs).read_text())
    told = {name: _heard(whisper, paths, SETTINGS[name]) for name, paths in wanted.items()}
    print(json.dumps(told))


def _heard(whisper: WhisperModel, paths: list[str], given: dict[str, Any]) -> dict[str, Any]:
    words, texts, taken = [], [], []
    for path in paths:
        with wave.open(path) as file:
            sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32)
        began = time.process_time()
        segments, _ = whisper.transcribe(
            sound / 32768, word_timestamps=True, condition_on_previous_text=False, **given
        )
        found = list(segments)
        taken.append(time.process_time() - began)
        words.append([[w.start, w.word] for each in found for w in each.words or ()])
        texts.append(" ".join(each.text.strip() for each in found))
    return {"words": words, "texts": texts, "cpu_s": taken}


if __name__ == "__main__":
    main(*sys.argv[1:3])

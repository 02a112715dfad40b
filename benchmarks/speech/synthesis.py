"""Synthesises speech with known text, times and voices; runs in the environment of peers.

`python synthesis.py MODEL VOICES JOBS TARGET`: MODEL is Kokoro-82M as ONNX, VOICES a folder of its
voices, JOBS a JSON list of {name, voice, text}. Written are `{name}.wav` and `{name}.json`, in it
the time at which the first phoneme of each word begins: the synthesiser's own durations, of 25 ms a
frame.
"""

from __future__ import annotations

import json
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from kokoro_onnx.tokenizer import Tokenizer

RATE = 24_000
FRAME_S = 0.025
_DURATIONS = "/encoder/Clip_output_0"
_STYLE = 256
_MAX_TOKENS = 500


def main(model: str, voices: str, jobs: str, target: str) -> None:
    """Write the sound and the times of every job that is not there yet."""
    session = _session(Path(model))
    tokenizer = Tokenizer()
    for job in json.loads(Path(jobs).read_text()):
        path = Path(target) / f"{job['name']}.wav"
        if not path.is_file():
            _synthesise(session, tokenizer, Path(voices), job, path)


def _session(path: Path) -> onnxruntime.InferenceSession:
    """Open the model with the durations of its phonemes as a second output."""
    loaded = onnx.load(path)
    loaded.graph.output.append(onnx.ValueInfoProto(name=_DURATIONS))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(loaded.SerializeToString(), options)


def _synthesise(
    session: onnxruntime.InferenceSession,
    tokenizer: Any,
    voices: Path,
    job: dict[str, str],
    path: Path,
) -> None:
    phonemes = tokenizer.phonemize(job["text"], "en-gb" if job["voice"][0] == "b" else "en-us")
    tokens = tokenizer.tokenize(phonemes)[:_MAX_TOKENS]
    styles = np.fromfile(voices / f"{job['voice']}.bin", np.float32).reshape(-1, 1, _STYLE)
    given = {
        "tokens": np.array([[0, *tokens, 0]], np.int64),
        "style": styles[len(tokens)],
        "speed": np.ones(1, np.float32),
    }
    audio, durations = session.run(["audio", _DURATIONS], given)
    begins = np.concatenate([[0.0], np.cumsum(durations.reshape(-1))]) * FRAME_S
    known = [each for each in phonemes if each in tokenizer.vocab][: len(tokens)]
    starts = [
        float(begins[number + 1])
        for number, each in enumerate(known)
        if each.isalpha() and (number == 0 or known[number - 1] == " ")
    ]
    facts = {**job, "words": len(starts), "starts_s": starts, "phonemes": phonemes}
    path.with_suffix(".json").write_text(json.dumps(facts, ensure_ascii=False))
    samples = (np.clip(audio.reshape(-1), -1, 1) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


if __name__ == "__main__":
    main(*sys.argv[1:5])

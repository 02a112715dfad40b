"""Words in error of people whom nobody of this project recorded, beside faster-whisper.

The recordings are of packages of Debian, fetched by name, version and hash: prompts of telephone
exchanges, 8 kHz, read by one person a language (asterisk-core-sounds, CC-BY-SA 3.0), and readings
and cards that test PocketSphinx (pocketsphinx-testdata, BSD). Nothing was chosen on them.
"""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.reporting import Result
from benchmarks.speech.material import FOLDER, Recording
from benchmarks.speech.measuring import heard_by_peer, heard_by_us, rate_of, seconds, written
from chalicelib.inference.speech.whisper import MODEL
from models.pull.cache import pull

MIN_WORDS = 6
"""The fewest words of a prompt: shorter ones are names and numbers, which say little of speech."""
EACH = 3
"""Each third prompt is heard, in the order of its package: half an hour would be too much."""
_PROMPTS = "asterisk-core-sounds-"
_SHA256 = {
    "en": "973e797d28e37fa6ca3c0a9d6fa717e77cf1268ae916bf09fd3503113cdffa50",
    "en-wav": "2be3ea287d83299d143815fa804f11179a75b7affd4a758b98b55f5afc18a35d",
    "es": "9afdab7f559f036649fb406e625899306ca1004df8ebe39c30bfbd5912d66f74",
    "es-wav": "9283a09a6d56fccdcc2bcfe86c48f0f844289cfbd46a3184d8785a6f7f569903",
    "fr": "04c82c78c570c43a7136cbc5e2488d0c470b775468dff9fbce4a131b18cf1056",
    "fr-wav": "8d4e1bc32ed5ba7fbda40841ca1825ed20cc6232724a473c90f8bb0e53e6073e",
    "pocketsphinx-testdata": "eaeb7a01d54f20b799d1a81ef110ec544b2cb47ea006614078220737a33019f0",
}
_VERSIONS = {"asterisk": "1.6.1-1", "pocketsphinx": "0.8+5prealpha+1-15"}
_LINE = re.compile(r"(?P<name>[\w/-]+):\s+(?P<text>.+)")
_NOTATION = re.compile(r"[\[\]<>()\"*#/0-9]|www|\.\.\.$|^\.\.\.")
"""Marks of texts that do not say word for word what is read, and of prompts that are cut off."""
_SPOKEN = re.compile(r"<s> (?P<text>.+) </s> \((?P<name>.+)\)")


@dataclass(frozen=True, slots=True)
class Collection:
    """Recordings of one package in one language, by its code."""

    name: str
    language: str
    recordings: tuple[Recording, ...]


def measure(repetitions: int) -> Result:
    """Hear every recording once by each contestant; languages are detected, not told."""
    pull([MODEL, "silero-vad"])
    found = collections()
    recordings = [each for collection in found for each in collection.recordings]
    files = written(recordings, [], {})
    theirs = {name: heard for name, heard in heard_by_peer(files).items() if heard}
    contestants = {MODEL: heard_by_us(MODEL, files), **theirs}
    facts: dict[str, Any] = {
        "minutes": round(sum(map(seconds, files.values())) / 60, 1),
        "collections": {
            each.name: {
                "recordings": len(each.recordings),
                "minutes": round(sum(seconds(files[one.name]) for one in each.recordings) / 60, 1),
                "words in error": {
                    name: rate_of(each.recordings, heard, each.language)
                    for name, heard in contestants.items()
                },
            }
            for each in found
        },
    }
    return Result(
        name="speech_people",
        repetitions=repetitions,
        measured={},
        facts=facts,
        notes=(
            "One voice a language of telephone prompts, at 8 kHz; five readers and card games.",
            "The texts are those of the packages, with their mistakes, which count for all alike.",
        ),
    )


def collections() -> list[Collection]:
    """Return all collections; recordings are WAV files in the folder of the benchmark."""
    prompts = [
        Collection(f"telephone prompts, {name}", code, tuple(_prompts(code))[::EACH])
        for code, name in (("en", "English"), ("es", "Spanish"), ("fr", "French"))
    ]
    return [*prompts, Collection("readings and cards, English", "en", tuple(_readings()))]


def _prompts(language: str) -> Iterator[Recording]:
    package = f"{_PROMPTS}{language}"
    (texts,) = _members(package, f"core-sounds-{language}.txt.gz").values()
    sounds = _members(f"{package}-wav", ".wav")
    named = {re.sub(r"^.*/sounds/[^/]+/", "", path): data for path, data in sounds.items()}
    for line in zlib.decompress(texts, wbits=31).decode("utf-8", "replace").splitlines():
        found = _LINE.fullmatch(line.strip())
        if found is None or _NOTATION.search(found["text"]):
            continue
        data = named.get(f"{found['name']}.wav")
        if data is not None and len(found["text"].split()) >= MIN_WORDS:
            yield _recording(f"{language}-{found['name']}", language, data, found["text"])


def _readings() -> Iterator[Recording]:
    package = "pocketsphinx-testdata"
    sounds = {Path(path).stem: data for path, data in _members(package, ".wav").items()}
    for texts in _members(package, "transcription").values():
        for found in map(_SPOKEN.fullmatch, texts.decode().splitlines()):
            if found is not None:
                text = " ".join(found["text"].split())
                yield _recording(f"read-{found['name']}", "read", sounds[found["name"]], text)


def _recording(name: str, voice: str, data: bytes, text: str) -> Recording:
    path = FOLDER / "strangers" / f"{name.replace('/', '-')}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return Recording(name, voice, path, text)


def _members(package: str, ending: str) -> dict[str, bytes]:
    """Return the files of a package whose path ends so, by their paths."""
    unpacked = ["dpkg-deb", "--fsys-tarfile", str(_fetched(package))]
    archive = subprocess.run(unpacked, check=True, capture_output=True, timeout=120).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        return {
            each.name: opened.read()
            for each in files
            if each.name.endswith(ending) and (opened := files.extractfile(each)) is not None
        }


def _fetched(package: str) -> Path:
    version = _VERSIONS[package.partition("-")[0]]
    path = FOLDER / f"{package}_{version}_all.deb"
    if not path.is_file():
        FOLDER.mkdir(parents=True, exist_ok=True)
        command = ["apt-get", "download", "--quiet", f"{package}={version}"]
        subprocess.run(command, check=True, cwd=FOLDER, timeout=600, capture_output=True)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    wanted = _SHA256[package.removeprefix(_PROMPTS)]
    if found != wanted:
        raise ValueError(f"{path.name} has sha256 {found}, not {wanted}.")
    return path

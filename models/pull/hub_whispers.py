"""Whispers of other sizes, by name: from the hub, of pinned commits, as ONNX graphs in 8 bits.

No registry carries them, so that the catalogue cannot hold their converted files to a sha256. Each
file of the source is checked by the hash that the hub names for the commit, and what it became is
recorded in `origin.json`, to which bundles are held.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chalicelib.generation.catalogue import ModelFile
from models import files
from models.pull.base_references import BaseReference
from models.pull.cache import CACHE, PullProgress, Report
from models.pull.hub_bases import HubAccess, fetch_files
from models.pull.whisper import whisper_int8

ORIGIN = "origin.json"
_STAGING = ".staging"
_SOURCE = ("config.json", "tokenizer.json", "model.bin")


@dataclass(frozen=True, slots=True)
class HubWhisper:
    """A repository of faster-whisper's weights, and the commit of it that is taken."""

    repository: str
    commit: str


WHISPERS: Mapping[str, HubWhisper] = {
    "whisper-tiny": HubWhisper(
        "Systran/faster-whisper-tiny", "d90ca5fe260221311c53c58e660288d3deb8d356"
    ),
    "whisper-small": HubWhisper(
        "Systran/faster-whisper-small", "536b0662742c02347bc0e980a01041f333bce120"
    ),
    "whisper-medium": HubWhisper(
        "Systran/faster-whisper-medium", "08e178d48790749d25932bbc082711ddcfdfbc4f"
    ),
    "whisper-large-v3": HubWhisper(
        "Systran/faster-whisper-large-v3", "edaa852ec7e145841d8ffdb056a99866b5f0a478"
    ),
}
"""By name. The commits are those that public repositories name; no hub was in reach to pull one."""


def pull_whisper(
    name: str,
    into: Path = CACHE,
    progress: Report = lambda _: None,
    access: HubAccess | None = None,
    known: Mapping[str, HubWhisper] = WHISPERS,
) -> Path:
    """Return the folder of a Whisper below `into`, after pulling and converting it if need be.

    Raises:
        KeyError: `known` has no such name.
        NoBase: the hub cannot be reached, or has another commit; the message says what would help.
        WrongHash: a file is not the commit's. It is not kept.
        DiskFull: there is no room for it.
    """
    whisper, folder = known[name], into / name
    with files.exclusive_lock(into / _STAGING):
        if _commit_of(folder) == whisper.commit and _is_whole(folder):
            progress(PullProgress(name, "present", done=_bytes(folder), total=_bytes(folder)))
            return folder
        source = into / _STAGING / f"{name}-{whisper.commit[:12]}"
        source.mkdir(parents=True, exist_ok=True)
        wanted = BaseReference("hub", whisper.repository, whisper.commit)
        fetch_files(wanted, _SOURCE, source, access or HubAccess.of(os.environ), progress)
        progress(PullProgress(name, "converting"))
        made = into / _STAGING / f"{name}-made"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        whisper_int8(source, made)
        _record(made, whisper)
        shutil.rmtree(folder, ignore_errors=True)
        made.replace(folder)
        shutil.rmtree(source)
    progress(PullProgress(name, "placed", done=_bytes(folder), total=_bytes(folder)))
    return folder


def whisper_files(folder: Path) -> tuple[ModelFile, ...]:
    """Return the files of a Whisper that was pulled into `folder`, none if there is none."""
    try:
        written = json.loads((folder / ORIGIN).read_bytes())
    except FileNotFoundError:
        return ()
    return tuple(ModelFile(name=name, **facts) for name, facts in written["files"].items())


def _record(folder: Path, whisper: HubWhisper) -> None:
    made = {
        path.name: {"bytes": path.stat().st_size, "sha256": files.sha256_of_file(path)}
        for path in sorted(folder.iterdir())
    }
    origin = {"repository": whisper.repository, "commit": whisper.commit, "files": made}
    (folder / ORIGIN).write_text(json.dumps(origin, indent=2) + "\n")


def _commit_of(folder: Path) -> str:
    origin = folder / ORIGIN
    return str(json.loads(origin.read_bytes())["commit"]) if origin.is_file() else ""


def _is_whole(folder: Path) -> bool:
    return all(
        (folder / file.name).is_file() and (folder / file.name).stat().st_size == file.bytes
        for file in whisper_files(folder)
    )


def _bytes(folder: Path) -> int:
    return sum(file.bytes for file in whisper_files(folder))

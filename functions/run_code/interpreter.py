"""The interpreter of the sandbox: CPython compiled to WebAssembly, and that to this machine.

Compiling it takes about ten seconds of one core, so the machine code is kept for later processes,
in a folder that nobody else can write: machine code that is loaded is code that is run.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
from dataclasses import dataclass
from pathlib import Path

import wasmtime

from chalicelib.errors import ModelFailure

FILE = "python.wasm"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The compiled interpreter, of which guests are instances."""

    engine: wasmtime.Engine
    module: wasmtime.Module


def load_interpreter(file: Path, sha256: str, cache: Path) -> Interpreter:
    """Return the interpreter in `file`.

    Args:
        file: `python.wasm`.
        sha256: what its content must have.
        cache: the folder of machine code; made if need be, for this user alone.

    Raises:
        ModelFailure: the file is missing or another, or the folder belongs to somebody else.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ModelFailure(
            f"The interpreter cannot be read: {error.strerror}. Run `headrace models pull`, or"
            " package the function anew."
        ) from error
    if (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise ModelFailure(f"{FILE} has sha256 {found}, and the catalogue names {sha256}.")
    engine = wasmtime.Engine(_configuration())
    kept = _folder_of_ours(cache) / _kept_name(sha256)
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Workers that start together compile it once.
        return Interpreter(engine, _module(engine, content, kept))


def _module(engine: wasmtime.Engine, content: bytes, kept: Path) -> wasmtime.Module:
    if kept.is_file():
        try:
            return wasmtime.Module.deserialize_file(engine, str(kept))
        except wasmtime.WasmtimeError:  # Of another processor, or broken off.
            kept.unlink(missing_ok=True)
    module = wasmtime.Module(engine, content)
    draft = kept.with_suffix(f".{os.getpid()}")
    draft.write_bytes(module.serialize())
    draft.replace(kept)
    return module


def _configuration() -> wasmtime.Config:
    """Return settings under which a run is the same on every machine, and ends."""
    settings = wasmtime.Config()
    settings.consume_fuel = True
    settings.epoch_interruption = True
    settings.cranelift_nan_canonicalization = True
    settings.wasm_threads = False
    settings.wasm_relaxed_simd = False
    return settings


def _kept_name(sha256: str) -> str:
    """Return the name of machine code; that of another Wasmtime is refused when it is loaded."""
    return f"{sha256[:16]}-{platform.machine()}.cwasm"


def _folder_of_ours(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise ModelFailure(f"{folder} can be written by others; machine code is not kept there.")
    return folder

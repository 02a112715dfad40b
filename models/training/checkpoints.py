"""Checkpoints: one safetensors file per step; a job resumes from the newest.

What is kept is a tree of tensors, numbers and texts, as torch's `state_dict` gives it. Tensors are
in the file by their path, the rest as JSON in its header; nothing of it is code.
https://github.com/huggingface/safetensors
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from models.failures import BadCheckpoint
from models.files import write_atomically

MAX_KEPT = 2
"""Checkpoints that stay: the newest, and the one before should the newest be unreadable."""

_NAME = re.compile(r"step-(\d{9})\.safetensors")
_TENSOR = "\0tensor"
_HEADER = "headrace"


class Stateful(Protocol):
    """An object with a state, such as a network, an optimiser or a moving average."""

    def state_dict(self) -> dict[str, Any]:
        """Return its state."""

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Restore a state."""


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The checkpoints in `folder` of the training with the settings `training`."""

    folder: Path
    training: Mapping[str, Any]

    def save(self, step: int, states: Mapping[str, Mapping[str, Any]]) -> Path:
        """Save the state of all parts after `step`; remove older checkpoints. Raises DiskFull."""
        tensors: dict[str, torch.Tensor] = {}
        tree = {name: _pack_state(state, name, tensors) for name, state in states.items()}
        header = {"step": step, "training": dict(self.training), "tree": tree}
        path = self.folder / f"step-{step:09d}.safetensors"
        write_atomically(path, save(tensors, metadata={_HEADER: json.dumps(header)}))
        for old in self._kept()[:-MAX_KEPT]:
            old.unlink()
        return path

    def restore(self, parts: Mapping[str, Stateful]) -> int:
        """Restore all parts from the newest checkpoint, and return its step, or 0.

        One that cannot be read is passed over for the one before.

        Raises:
            BadCheckpoint: none can be read, or it is of another training.
        """
        broken = []
        for path in reversed(self._kept()):
            try:
                header, tensors = _read_checkpoint(path)
            except (SafetensorError, KeyError, ValueError) as error:
                broken.append(f"{path.name}: {error}")
                continue
            self._hold(path, header["training"])
            for name, part in parts.items():
                part.load_state_dict(_unpack_state(header["tree"][name], tensors))
            return int(header["step"])
        if broken:
            raise BadCheckpoint(
                f"No checkpoint in {self.folder} can be read ({'; '.join(broken)}). Empty the "
                "folder to begin anew."
            )
        return 0

    def _kept(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.iterdir() if _NAME.fullmatch(path.name))

    def _hold(self, path: Path, kept: Mapping[str, Any]) -> None:
        differing = sorted(
            name
            for name in {*kept, *self.training}
            if kept.get(name) != json.loads(json.dumps(self.training.get(name)))
        )
        if differing:
            said = ", ".join(
                f"{name} was {kept.get(name)!r} and is {self.training.get(name)!r}"
                for name in differing
            )
            raise BadCheckpoint(
                f"{path} is of another training: {said}. Give this one another place for its "
                "checkpoints, or the settings of that one."
            )


def _read_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    with safe_open(str(path), framework="pt") as file:
        header: dict[str, Any] = json.loads((file.metadata() or {})[_HEADER])
        return header, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def _pack_state(value: Any, path: str, tensors: dict[str, torch.Tensor]) -> Any:
    """Return `value` as JSON data, and put its tensors into `tensors` by path."""
    if isinstance(value, torch.Tensor):
        tensors[path] = value.detach().to("cpu", copy=True).contiguous()
        return {_TENSOR: path}
    if isinstance(value, Mapping):
        # An optimiser's state has numbers as keys, so pairs are stored and not an object.
        return {
            "\0pairs": [
                [key, _pack_state(each, f"{path}/{key}", tensors)] for key, each in value.items()
            ]
        }
    if isinstance(value, list | tuple):
        return [_pack_state(each, f"{path}/{at}", tensors) for at, each in enumerate(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{path} is {type(value).__name__}, which no checkpoint can hold.")


def _unpack_state(value: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    if isinstance(value, dict):
        if _TENSOR in value:
            return tensors[value[_TENSOR]]
        return {key: _unpack_state(each, tensors) for key, each in value["\0pairs"]}
    if isinstance(value, list):
        return [_unpack_state(each, tensors) for each in value]
    return value

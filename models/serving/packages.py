"""The code in a model's package: the handler of its graphs, and what it needs installed.

An exported model has it beside its graphs, so that what is registered serves as it is: in AWS's
PyTorch inference image, in one of one's own that runs `models/serving`, and in the local cloud.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from chalicelib.contracts.model_manifest import GraphSpec

HANDLER, REQUIREMENTS = "code/inference.py", "code/requirements.txt"
IMAGE = "cpu-packages"
"""The image of images.json that serves such a package."""
CONTENT_TYPES = ("application/json",)

_FOLDER = Path(__file__).parent / "handlers"
_DRAWINGS = ("decoder", ("latent",))


def handler_of(graphs: Mapping[str, GraphSpec]) -> Path:
    """Return the handler for a model: that of its kind of graph, or else the one for any."""
    has = ((name, tuple(each.name for each in spec.inputs)) for name, spec in graphs.items())
    return _FOLDER / ("drawings.py" if _DRAWINGS in set(has) else "graphs.py")


def package_code(graphs: Mapping[str, GraphSpec]) -> dict[str, bytes]:
    """Return the files of code in a model's package, by their names in it."""
    return {
        HANDLER: handler_of(graphs).read_bytes(),
        REQUIREMENTS: (_FOLDER / "requirements.txt").read_bytes(),
    }


def pinned(requirements: str, names: Iterable[str]) -> str:
    """Return the lines of a compiled requirements file that pin these packages, with hashes."""
    wanted, found, taking = set(names), [], False
    for line in requirements.splitlines():
        if not line.startswith((" ", "#")):
            taking = line.partition("==")[0] in wanted
        if taking and not line.lstrip().startswith("#"):
            found.append(line)
    return "".join(f"{line}\n" for line in found)

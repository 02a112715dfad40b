"""A function's bundle as it ought to be: pruned, and compiled before it is shipped.

The folder that a function runs from is read-only on AWS, so sources are compiled anew at every
cold start unless their bytecode comes along. It does, with unchecked hashes, so that Python
neither reads nor checks the source.
https://docs.python.org/3/reference/import.html#pyc-invalidation
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.naive_bundle import PROJECT, install, requirements_of
from chalicelib.inference.embedder import MODEL

SERVICES = {
    *("bedrock-runtime", "dynamodb", "events", "lambda", "s3", "s3vectors", "sqs"),
    *("stepfunctions", "sso", "sso-oidc", "sts"),
}
"""The services that the adapters call, and those that botocore's credentials may."""
ENDPOINTS = SERVICES | {"states", "bedrock", "portal.sso", "oidc"}
"""The same as `endpoints.json` names them."""
UNUSED = (
    "**/*.dist-info",
    "**/*.pyi",
    "**/tests",
    "bin",
    "include",
    "boto3/examples",
    "onnxruntime/capi/libonnxruntime.so*",
    "onnxruntime/transformers",
    "onnxruntime/tools",
    "onnxruntime/quantization",
    "numpy/f2py",
    "numpy/_core/include",
    "pip",
    "setuptools",
    "wheel",
)


def build(handler: str, folder: Path) -> Path:
    """Make the bundle of the function `handler` as `folder`, and return it."""
    shutil.rmtree(folder, ignore_errors=True)
    install(requirements_of(handler), folder)
    prune(folder)
    copy_sources(handler, folder)
    compile_all(folder)
    return folder


def prune(folder: Path) -> None:
    """Remove what no function runs."""
    data = folder / "botocore" / "data"
    remove(
        each
        for each in (data.iterdir() if data.is_dir() else ())
        if each.is_dir() and each.name not in SERVICES
    )
    for pattern in UNUSED:
        remove(list(folder.glob(pattern)))
    if data.is_dir():
        shorten_descriptions(data)


def shorten_descriptions(data: Path) -> None:
    """Leave of botocore's data what our clients read, since each cold start parses it."""
    for packed in data.rglob("*.json.gz"):
        described = json.loads(gzip.decompress(packed.read_bytes()))
        packed.with_suffix("").write_text(json.dumps(undocumented(described)))
        packed.unlink()
    endpoints = json.loads((data / "endpoints.json").read_text())
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in services.keys() & ENDPOINTS}
    (data / "endpoints.json").write_text(json.dumps(endpoints))


def undocumented(described: Any) -> Any:
    """Return a service's description without its prose, which is most of it.

    Every client parses its service's description, and asks some parts for their `documentation`.
    Where that is the name of a shape or a member, and no prose, it stays.
    """
    if isinstance(described, dict):
        return {
            name: "" if name == "documentation" and isinstance(value, str) else undocumented(value)
            for name, value in described.items()
        }
    return [undocumented(each) for each in described] if isinstance(described, list) else described


def remove(paths: Iterable[Path]) -> None:
    """Remove files and folders."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def copy_sources(handler: str, folder: Path) -> None:
    """Put the project's part of the function into `folder`, with the model where it runs one."""
    sources = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "chalicelib", folder / "chalicelib", ignore=sources)
    (folder / "models").mkdir()
    shutil.copy2(PROJECT / "models" / "catalogue.json", folder / "models")
    if handler.startswith("app."):
        shutil.copy2(PROJECT / "app.py", folder)
        return
    room = Path(*handler.split(".")[:-2])
    shutil.copytree(PROJECT / room, folder / room, ignore=sources)
    shutil.copy2(PROJECT / room.parent / "__init__.py", folder / room.parent)
    if (folder / "tokenizers").is_dir():
        shutil.copytree(PROJECT / "models" / "cache" / MODEL, folder / "models" / "cache" / MODEL)


def compile_all(folder: Path) -> None:
    """Compile every source. Raises CalledProcessError."""
    command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([*command, "-s", str(folder), str(folder)], check=True, timeout=300)


def main() -> None:
    """Make one bundle."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("handler", help="such as app.app or functions.embed_text.handler.handler")
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    print(build(chosen.handler, chosen.folder))


if __name__ == "__main__":
    main()

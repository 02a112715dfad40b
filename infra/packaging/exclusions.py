"""Pruning of bundles: files of installed packages that no function of ours runs.

Each rule says why. That a bundle still works is tested: the end-to-end suite runs on the bundles.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

SERVICES = frozenset(
    {
        *("bedrock", "bedrock-runtime", "dynamodb", "events", "lambda", "s3", "s3vectors", "sqs"),
        *(
            "sagemaker",
            "sagemaker-runtime",
            "scheduler",
            "secretsmanager",
            "stepfunctions",
            "sso",
            "sso-oidc",
            "sts",
        ),
    }
)
"""The services that the adapters call, and those that botocore's credentials may."""
ENDPOINTS = SERVICES | {"states", "api.sagemaker", "runtime.sagemaker", "portal.sso", "oidc"}
"""The same as `endpoints.json` names them."""

EVERYWHERE: Mapping[str, str] = {
    "**/__pycache__": "made anew, for the Python that will run it",
    "**/*.dist-info": "read by installers, and by code that asks for versions, which ours does not",
    "**/*.pyi": "types are checked before",
    "**/py.typed": "types are checked before",
    "**/tests": "tests of the packages themselves",
    "**/*.pyx": "sources of what was compiled",
    "**/*.pxd": "sources of what was compiled",
    "bin": "commands for a shell",
    "include": "headers for a compiler",
    ".lock": "left by uv, which one installation at a time holds",
    "*.pth": "not read from a bundle: Lambda's path is no site directory",
}
"""Patterns to leave out of any bundle, with the reason."""

WITHIN: Mapping[str, Mapping[str, str]] = {
    "boto3": {
        "boto3/examples": "documentation",
        "boto3/data": "resources; the adapters use clients",
    },
    "chalice": {
        "chalice/[!_al]*": "the command line and the deployer; at run time there is app.py",
        "chalice/a[!p]*": "the same: analyzer.py, api/, awsclient.py",
        "chalice/ap[!p]*": "the same: api/",
        "chalice/logs.py": "the same",
        "click": "only the command line of Chalice",
        "inquirer": "asks questions in a terminal, as what follows does",
        "blessed": "terminals",
        "jinxed": "terminals",
        "wcwidth": "terminals",
        "readchar": "terminals",
        "editor": "terminals",
        "runs": "terminals",
        "xmod": "terminals",
        "yaml": "Chalice writes templates with it",
        "_yaml": "Chalice writes templates with it",
        "packaging": "installs packages",
        "pip": "installs packages",
        "setuptools": "installs packages",
        "_distutils_hack": "installs packages",
        "wheel": "installs packages",
    },
    "tokenizers": {
        "huggingface_hub": "fetches tokenizers from a hub; ours lie in the bundle",
        "hf_xet": "the same",
        "httpx2": "the same",
        "httpcore2": "the same",
        "h11": "the same",
        "anyio": "the same",
        "idna": "the same",
        "truststore": "the same",
        "fsspec": "the same",
        "filelock": "the same",
        "tqdm": "the same",
        "click": "the same",
        "yaml": "the same",
        "_yaml": "the same",
    },
    "onnxruntime": {
        "onnxruntime/capi/libonnxruntime.so*": "the Python module has a copy within it",
        "onnxruntime/transformers": "tools that convert models",
        "onnxruntime/tools": "tools that convert models",
        "onnxruntime/quantization": "tools that convert models",
        "onnxruntime/datasets": "examples",
        "onnxruntime/backend": "the interface of ONNX, which ours does not go through",
        "google": "protobuf, for the tools",
        "flatbuffers": "for the tools",
    },
    "numpy": {
        "numpy/f2py": "compiles Fortran",
        "numpy/_core/include": "headers for a compiler",
        "numpy/_core/lib": "libraries for a compiler",
        "numpy/_pyinstaller": "other packagers",
        "numpy/doc": "documentation",
    },
    "magika": {
        "magika/cli": "its command line",
        "click": "its command line",
    },
    "pypdfium2": {"pypdfium2_cli": "its command line"},
    "pptx": {"xlsxwriter": "writes the tables of charts; nothing is written here"},
    "cv2": {
        "cv2/data": "classifiers of faces",
        "cv2/gapi": "pipelines that need compiled code of one's own",
    },
    "rapidocr": {
        "rapidocr/models/*cls*": "turns lines; not used, see functions/recognise_pages/engine.py",
        "PIL/_avif*": "pictures of this format are not read",
        "PIL/_imagingft*": "draws letters; without it Pillow says so only when asked to",
        "PIL/_imagingcms*": "colour profiles",
        "PIL/_imagingtk*": "windows",
    },
    "docx": {"docx/templates": "written documents start from them; nothing is written here"},
}
"""By top-level package: patterns to leave out where that package is, with the reason."""


def prune(folder: Path) -> None:
    """Delete from `folder`, a site directory of any packages, what no function runs."""
    for package, patterns in WITHIN.items():
        if (folder / package).is_dir():
            for pattern in patterns:
                _remove(list(folder.glob(pattern)))
    for pattern in EVERYWHERE:
        _remove(list(folder.glob(pattern)))
    data = folder / "botocore" / "data"
    if data.is_dir():
        _remove(each for each in data.iterdir() if each.is_dir() and each.name not in SERVICES)
        _shorten_descriptions(data)


def left_out(folders: Iterable[Path]) -> set[Path]:
    """Return files and folders of one site directory that no function runs.

    The rules of one package may name files of another that it makes unnecessary.
    """
    patterns = [
        pattern
        for package, of_package in WITHIN.items()
        if any((folder / package).is_dir() for folder in folders)
        for pattern in of_package
    ]
    return {path for folder in folders for pattern in patterns for path in folder.glob(pattern)}


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _shorten_descriptions(data: Path) -> None:
    """Shorten botocore's service descriptions, since each cold start parses them."""
    for packed in sorted(data.rglob("*.json.gz")):
        described = json.loads(gzip.decompress(packed.read_bytes()))
        packed.with_suffix("").write_text(json.dumps(undocumented(described)), encoding="utf-8")
        packed.unlink()
    endpoints = json.loads((data / "endpoints.json").read_text(encoding="utf-8"))
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {
            name: services[name] for name in sorted(services.keys() & ENDPOINTS)
        }
    (data / "endpoints.json").unlink()  # It may be a hard link into the installer's cache.
    (data / "endpoints.json").write_text(json.dumps(endpoints), encoding="utf-8")


def undocumented(described: Any) -> Any:
    """Return a service's description without its documentation, which is most of it.

    Every client parses its service's description, and asks some parts for their `documentation`.
    Where that is the name of a shape or a member, and no prose, it stays.
    """
    if isinstance(described, dict):
        return {
            name: "" if name == "documentation" and isinstance(value, str) else undocumented(value)
            for name, value in described.items()
        }
    return [undocumented(each) for each in described] if isinstance(described, list) else described

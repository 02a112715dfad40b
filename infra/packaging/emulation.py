"""Try every bundle of an arm64 package: each import, and each function's sample event.

`python -m infra.packaging.emulation PACKAGE [FUNCTION …]`. Bundles are made on machines that cannot
run them; a library that needs what Lambda's arm64 lacks shows only when it is loaded. There are no
services: a function that needs one must say so by an error of ours.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.cloudformation.intrinsics import TemplateScope
from infra.packaging.emulator import Emulator, find_emulator
from infra.packaging.manifest import Manifest, PackagedFunction
from infra.packaging.targets import PackagingError

PROJECT = Path(__file__).resolve().parents[2]
WITHOUT_SERVICES = frozenset(
    {
        "check_support",
        "embed_text",
        "label_picture",
        "rerank_passages",
        "run_code",
        "screen_image",
        "screen_text",
        "transcribe_speech",
    }
)
"""The functions that answer their sample with nothing but what is in their bundle."""
NOT_REACHED: Mapping[str, frozenset[str]] = {
    "chunk_document": frozenset({"chalicelib/inference/session.py: import onnxruntime"})
}
"""By bundle: imports that it lacks on purpose. Counting tokens opens no model."""
STREAMING = frozenset({"stream_answer", "stream_chat"})
"""Functions whose samples are HTTP requests to a server of their own; they are imported only."""

IMPORTS_S = 900.0
CALL_S = 600.0
_NO_SERVICES = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_REGION": "us-east-1",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_LAMBDA_FUNCTION_NAME": "emulated",
    "POWERTOOLS_TRACE_DISABLED": "true",
}


class _AnyAttribute(dict[str, str]):
    """Attributes of a resource that nobody has made: each is an ARN."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return f"arn:aws:emulated:us-east-1:000000000000:{name}"


@dataclass(frozen=True)
class BundleTrial:
    """The trial of the functions of one package on an emulated arm64."""

    emulator: Emulator
    package: Path
    template: Mapping[str, Any]
    bundles: Path

    def whole(self, functions: Sequence[PackagedFunction]) -> list[tuple[str, str]]:
        """Return what is wrong with one bundle's imports, and with each function that it is of."""
        first = functions[0]
        found = [(f"{first.name}: imports", self.imports(first))]
        found += [(f"{each.logical_id}: sample event", self.call(each)) for each in functions]
        shutil.rmtree(self._unpacked(first))
        return found

    def imports(self, function: PackagedFunction) -> str:
        """Return what is wrong with the imports of a function's bundle, or an empty string."""
        script = Path(__file__).with_name("bundle_imports.py")
        done = self._run([script, self._unpacked(function)], {}, IMPORTS_S)
        if isinstance(done, str):
            return done
        failed = set(json.loads(done.stdout)) - NOT_REACHED.get(function.name, frozenset())
        return "; ".join(sorted(failed))

    def call(self, function: PackagedFunction) -> str:
        """Return what is wrong with the answer to the sample event, or an empty string."""
        properties = self.template["Resources"][function.logical_id]["Properties"]
        handler = str(properties["Handler"])
        name = sample_name(function.name, handler)
        event = sample_event(function.name, name)
        script = Path(__file__).with_name("emulated_call.py")
        bundle = self._unpacked(function)
        environment = {**_NO_SERVICES, "LAMBDA_TASK_ROOT": str(bundle)}
        for key, value in self._variables(properties).items():
            environment[key] = value.replace("/var/task", str(bundle))
        done = self._run([script, bundle, handler, event or ""], environment, CALL_S)
        if isinstance(done, str):
            return done
        told = json.loads(done.stdout.splitlines()[-1])
        errors = told.get("errors", [])
        ours = any(each.startswith("chalicelib.errors.") for each in errors)
        if errors and (name in WITHOUT_SERVICES or not ours):
            return f"{errors[0]}: {told['message']}"
        return ""

    def _variables(self, properties: Mapping[str, Any]) -> dict[str, str]:
        """Return the environment that the template gives, with made-up resources."""
        pseudo = {
            "AWS::AccountId": "0" * 12,
            "AWS::Region": "us-east-1",
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": "headrace-emulated",
        }
        names = self.template.get("Parameters", {})
        values = {"ArtifactsBucket": "artifacts"} if "ArtifactsBucket" in names else {}
        scope = TemplateScope(self.template, {"Stage": "dev", **values}, pseudo)
        for logical_id in self.template["Resources"]:
            scope.add_resource(logical_id, f"headrace-{logical_id.lower()}", _AnyAttribute())
        resolved = scope.resolve(properties.get("Environment", {}).get("Variables", {}))
        return {name: str(value) for name, value in resolved.items()}

    def _unpacked(self, function: PackagedFunction) -> Path:
        folder = self.bundles / function.sha256[:16]
        if not folder.exists():
            with zipfile.ZipFile(self.package / function.file) as bundle:
                bundle.extractall(folder)
        return folder

    def _run(
        self, arguments: list[str | Path], environment: Mapping[str, str], seconds: float
    ) -> subprocess.CompletedProcess[str] | str:
        try:
            done = self.emulator.run(["-I", "-S", "-B", *arguments], environment, seconds)
        except subprocess.TimeoutExpired:
            return f"It has not ended in {seconds:.0f} s."
        if done.returncode:
            reason = f"signal {-done.returncode}" if done.returncode < 0 else "an error"
            return f"It ended by {reason}: {done.stderr.strip()[-1500:]}"
        return done


def sample_name(bundle: str, handler: str) -> str:
    """Return the name of a function's sample: its handler's where several share a bundle."""
    return handler.rpartition(".")[2] if bundle == "run_model" else bundle


def sample_event(bundle: str, name: str) -> Path | None:
    """Return a function's sample event, None where it is only imported."""
    if name in STREAMING:
        return None
    folder = PROJECT / "functions" / bundle
    found = [folder / "event.json", folder / "events" / f"{name}.json"]
    return next((each for each in found if each.exists()), None)


def try_package(package: Path, emulator: Emulator, only: set[str]) -> Iterator[tuple[str, str]]:
    """Yield each function with what is wrong with it, an empty string if nothing is.

    As many bundles are tried at once as there are processors, and each is unpacked while it is.
    """
    manifest = Manifest.read(package)
    if manifest.architecture != "arm64":
        raise PackagingError(f"{package} is for {manifest.architecture}, not arm64.")
    template = json.loads((package / manifest.template).read_text(encoding="utf-8"))
    bundles: dict[str, list[PackagedFunction]] = {}
    for function in manifest.functions:
        if not only or {function.logical_id, function.name} & only:
            bundles.setdefault(function.sha256, []).append(function)
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        trial = BundleTrial(emulator, package, template, Path(folder))
        running = [pool.submit(trial.whole, functions) for functions in bundles.values()]
        for done in as_completed(running):
            yield from done.result()


def main(arguments: list[str] | None = None) -> int:
    """Try a package out; return 1 if a function failed."""
    parser = argparse.ArgumentParser(
        description=ast.get_docstring(ast.parse(Path(__file__).read_bytes()))
    )
    parser.add_argument("package", type=Path)
    parser.add_argument("only", nargs="*", help="logical ids or bundles; all by default")
    asked = parser.parse_args(arguments)
    failed = 0
    began = time.monotonic()
    try:
        emulator = find_emulator()
        for what, wrong in try_package(asked.package, emulator, set(asked.only)):
            failed += bool(wrong)
            line = f"{time.monotonic() - began:7.1f} s  {what}: {wrong or 'ok'}"
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    except PackagingError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 2
    sys.stdout.write(f"{failed} failed.\n")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())

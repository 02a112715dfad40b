"""Trials of bundles, by this machine's own Python in place of an emulated one."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from infra.packaging.emulation import (
    PROJECT,
    STREAMING,
    WITHOUT_SERVICES,
    sample_event,
    sample_name,
    try_package,
)
from infra.packaging.emulator import ROOT_VARIABLE, Emulator, find_emulator
from infra.packaging.manifest import Manifest, PackagedFunction
from infra.packaging.targets import PackagingError, find_interpreter
from tests.samples import samples

HANDLER = """
import os
from chalicelib.errors import Transient

def handler(event, context):
    assert os.listdir("/sys") == [], "/sys shows the processors"
    assert os.environ["HEADRACE_TABLE"] == "headrace-table"
    assert os.environ["HEADRACE_KEY"].endswith(":Arn")
    if os.environ["HEADRACE_FOLDER"] != os.environ["LAMBDA_TASK_ROOT"] + "/models":
        raise ValueError("the bundle lies elsewhere")
    {body}
"""
BODIES = {
    "screen_text": "return {'labels': []}",
    "remove_data": "raise Transient('there is no table')",
    "embed_text": "raise Transient('it needs no service')",
    "gather_parts": "raise OSError('a library is missing')",
    "reduce_batch": "import numpy_of_another_machine",
}


def write(folder: Path, name: str, body: str) -> PackagedFunction:
    file = folder / f"{name}.zip"
    with zipfile.ZipFile(file, "w") as bundle:
        for package in ("functions", f"functions/{name}", "chalicelib"):
            bundle.writestr(f"{package}/__init__.py", "")
        bundle.writestr("chalicelib/errors.py", "class Transient(Exception): ...")
        bundle.writestr(f"functions/{name}/handler.py", HANDLER.format(body=body))
    return PackagedFunction(name, name, file.name, name, name, 1, 1)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    functions = tuple(write(tmp_path, name, body) for name, body in BODIES.items())
    variables = {
        "HEADRACE_TABLE": {"Ref": "Table"},
        "HEADRACE_KEY": {"Fn::GetAtt": ["Table", "Arn"]},
        "HEADRACE_FOLDER": "/var/task/models",
    }
    template = {
        "Parameters": {"Stage": {"Type": "String"}},
        "Resources": {
            "Table": {"Type": "AWS::DynamoDB::Table"},
            **{
                name: {
                    "Type": "AWS::Lambda::Function",
                    "Properties": {
                        "Handler": f"functions.{name}.handler.handler",
                        "Environment": {"Variables": variables},
                    },
                }
                for name in BODIES
            },
        },
    }
    (tmp_path / "template.json").write_text(json.dumps(template))
    Manifest("dev", "us-east-1", "arm64", "template.json", "", functions).write(tmp_path)
    return tmp_path


@pytest.fixture
def here() -> Emulator:
    try:
        python = Path(find_interpreter())
    except PackagingError as missing:
        pytest.skip(str(missing))
    emulator = Emulator(Path("/"), python, None)
    if shutil.which("unshare") is None or emulator.run(["-c", ""], {}, 60).returncode:
        pytest.skip("this machine lets nobody hide /sys")
    return emulator


def test_each_bundle_should_be_imported_and_answer_or_say_what_it_lacks(
    package: Path, here: Emulator
) -> None:
    told = dict(try_package(package, here, set()))
    wrong = {what: reason for what, reason in told.items() if reason}
    assert len(told) == 2 * len(BODIES)
    assert wrong == {
        "embed_text: sample event": "chalicelib.errors.Transient: it needs no service",
        "gather_parts: sample event": "builtins.OSError: a library is missing",
        "reduce_batch: imports": "functions/reduce_batch/handler.py: "
        "import numpy_of_another_machine",
        "reduce_batch: sample event": "builtins.ModuleNotFoundError: "
        "No module named 'numpy_of_another_machine'",
    }
    assert set(dict(try_package(package, here, {"screen_text"}))) == {
        "screen_text: imports",
        "screen_text: sample event",
    }


def test_a_package_for_another_processor_should_be_refused(tmp_path: Path) -> None:
    Manifest("dev", "us-east-1", "x86_64", "template.json", "", ()).write(tmp_path)
    with pytest.raises(PackagingError, match="for x86_64, not arm64"):
        list(try_package(tmp_path, Emulator(Path("/"), Path("python"), None), set()))


def test_every_sample_should_be_found_by_its_function() -> None:
    found = {}
    for name, file in samples().items():
        bundle = file.relative_to(PROJECT / "functions").parts[0]
        handler = f"functions.{bundle}.handler.{name if bundle == 'run_model' else 'handler'}"
        assert sample_name(bundle, handler) == name
        found[name] = sample_event(bundle, name)
    assert {name for name, file in found.items() if file is None} == STREAMING
    assert found.keys() >= WITHOUT_SERVICES
    assert sample_event("app", "app") is None


def test_what_is_missing_should_be_said_with_the_way_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.delenv(ROOT_VARIABLE, raising=False)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    wanted = {
        "qemu-aarch64": "apt-get install qemu-user",
        "unshare": "util-linux",
        "apt-get": ROOT_VARIABLE,
    }
    for tool, fix in wanted.items():
        with pytest.raises(PackagingError, match=f"There is no {tool}.*{fix}"):
            find_emulator(tmp_path / "arm64")
        (tools / tool).symlink_to("/bin/false")
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    with pytest.raises(PackagingError, match=r"has none of usr/bin/python3\.13"):
        find_emulator(tmp_path / "arm64")


def test_the_command_should_hide_what_lambda_does_not_show() -> None:
    command = Emulator(Path("/image"), Path("/image/python"), "qemu-aarch64").command("-c", "x")
    assert command[-6:] == ["qemu-aarch64", "-L", "/image", "/image/python", "-c", "x"]
    assert subprocess.list2cmdline(command).startswith("unshare --user --map-root-user --mount sh")

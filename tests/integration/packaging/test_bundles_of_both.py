"""Bundles for both architectures: every library for the right machine, and the same every time."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest

from chalicelib.generation.catalogue import catalogue
from infra.packaging import archive
from infra.packaging.build import KEPT
from infra.packaging.bundles import APP, Workplace
from infra.packaging.bytecode import Compiler
from infra.packaging.deflated import Deflated
from infra.packaging.installed import Installed
from infra.packaging.interpreter import find_interpreter
from infra.packaging.locking import alone
from infra.packaging.sizes import LIMIT, unzipped
from infra.packaging.targets import TARGETS
from models.pull import pull
from tests.cloud import PROJECT
from tests.packages import CARRIED, has_interpreter

ROOMS = sorted(handler.parent.name for handler in (PROJECT / "functions").glob("*/handler.py"))
BUNDLES = [APP, *ROOMS]
COMPILED = ("app", "embed_text", "read_document", "recognise_pages", "rerank_passages")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not has_interpreter(), reason="bundles carry bytecode of Python 3.13"),
]


@pytest.fixture
def models_dir(models_pulled: Path) -> Path:
    """Return the models folder, with every model that a bundle carries."""
    pull(CARRIED, into=models_pulled)
    return models_pulled


def workplace(
    folder: Path, kept: Path, models_dir: Path, architecture: str, project: Path = PROJECT
) -> Workplace:
    compiler = Compiler(find_interpreter())
    installed = Installed(kept / "installed", TARGETS[architecture], compiler)
    return Workplace(project, models_dir, catalogue(), installed, folder)


@pytest.mark.parametrize("architecture", TARGETS)
def test_every_library_should_be_for_the_machine_that_loads_it(
    architecture: str, tmp_path: Path, models_dir: Path
) -> None:
    kept = PROJECT / KEPT / architecture
    with alone(kept):
        place = workplace(tmp_path / "content", kept, models_dir, architecture)
        for bundle in BUNDLES:
            entries = place.entries(bundle)
            assert 0 < unzipped(bundle, entries) <= LIMIT
            libraries = [entries[name] for name in entries if ".so" in name.rpartition("/")[2]]
            for library in libraries:
                head = library.read_bytes()[:20]
                assert head[:6] == b"\x7fELF\x02\x01", library
                assert struct.unpack_from("<H", head, 18) == (TARGETS[architecture].machine,)
            if bundle in COMPILED:
                assert libraries, bundle


@pytest.mark.parametrize("bundle", ["app", "check_support"])
def test_the_same_input_should_give_the_same_bytes_in_any_folder(
    bundle: str, tmp_path: Path, models_dir: Path
) -> None:
    hashes = set()
    for name in ("a", "another/and/longer"):
        folder = tmp_path / name
        project = folder / "project"
        for part in ("chalicelib", "functions", "requirements"):
            shutil.copytree(
                PROJECT / part, project / part, ignore=shutil.ignore_patterns("__pycache__")
            )
        (project / "models").mkdir()
        for data in ("catalogue.json", "served.json"):
            shutil.copy2(PROJECT / "models" / data, project / "models")
        shutil.copy2(PROJECT / "app.py", project)
        place = workplace(folder / "content", folder / "kept", models_dir, "arm64", project)
        archive.write(place.entries(bundle), folder / "it.zip", Deflated(folder / "deflated"))
        hashes.add(archive.sha256_of(folder / "it.zip"))
    assert len(hashes) == 1


def test_what_one_function_imports_should_be_in_no_other_s_bundle(
    tmp_path: Path, models_dir: Path
) -> None:
    kept = PROJECT / KEPT / "arm64"
    with alone(kept):
        place = workplace(tmp_path / "content", kept, models_dir, "arm64")
        app, embed = place.entries(APP), place.entries("embed_text")
    assert "chalice/app.py" in app
    assert not {name for name in app if name.startswith(("functions/", "numpy/", "onnxruntime/"))}
    assert "functions/embed_text/handler.py" in embed
    assert any(name.startswith("functions/embed_text/__pycache__/handler.cpy") for name in embed)
    assert not {
        name
        for name in embed
        if name.startswith(("boto3/", "chalice/", "chalicelib/adapters/", "functions/read_"))
    }
    assert "models/cache/minilm-l6-v2-fp32/model.onnx_data" in embed
    assert "functions/embed_text/event.json" not in embed

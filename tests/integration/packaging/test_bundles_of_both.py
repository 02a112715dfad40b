"""Bundles for both architectures: every library for the right machine, and the same every time."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest

from chalicelib.generation.catalogue import catalogue
from infra.packaging import archive
from infra.packaging.archive import DeflateCache
from infra.packaging.bundles import APP, BundleAssembly
from infra.packaging.bytecode import Compiler
from infra.packaging.cache import PackagingCaches, exclusive_folder
from infra.packaging.manifest import MAX_UNZIPPED_BYTES, Manifest, unzipped_size
from infra.packaging.models import pull_carried
from infra.packaging.package import KEPT
from infra.packaging.targets import TARGETS, find_interpreter, native_architecture
from infra.packaging.third_party import Entries, InstalledPackages
from tests.cloud import PROJECT
from tests.once import folder_of_run, once
from tests.packages import has_interpreter, packaged
from tests.soak import WHOLE

ROOMS = sorted(handler.parent.name for handler in (PROJECT / "functions").glob("*/handler.py"))
BUNDLES = [APP, *ROOMS]
MADE_TWICE = (APP, "gather_parts", "check_support") if WHOLE else (APP, "gather_parts")
"""Bundles that are made anew; to deflate the libraries of the last takes as long as the others."""
COMPILED = ("app", "embed_text", "read_document", "recognise_pages", "rerank_passages")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not has_interpreter(), reason="bundles carry bytecode of Python 3.13"),
]


@pytest.fixture
def models_dir(models_pulled: Path) -> Path:
    """Return the models folder, with every model that a bundle carries."""
    pull_carried(models_pulled, catalogue())
    return models_pulled


def workplace(
    folder: Path,
    caches: PackagingCaches,
    models_dir: Path,
    architecture: str,
    project: Path = PROJECT,
) -> BundleAssembly:
    compiler = Compiler(find_interpreter(), caches.compiled)
    installed = InstalledPackages(caches.installed, TARGETS[architecture], compiler)
    return BundleAssembly(project, models_dir, catalogue(), installed, folder)


def entries_of(
    architecture: str, tmp_path_factory: pytest.TempPathFactory, models_dir: Path
) -> dict[str, Entries]:
    """Return what goes into each bundle for an architecture, found out once a run.

    It is made of what packaging keeps, and kept for it in turn.
    """
    content = folder_of_run(tmp_path_factory) / f"content-{architecture}"

    def find() -> dict[str, dict[str, str]]:
        kept = PROJECT / KEPT
        with exclusive_folder(kept):
            caches = PackagingCaches.of(kept, architecture)
            place = workplace(content, caches, models_dir, architecture)
            found = {bundle: place.entries(bundle) for bundle in BUNDLES}
            for cache in (caches.installed, caches.compiled):
                cache.forget_unused()
        return {
            bundle: {name: str(file) for name, file in entries.items()}
            for bundle, entries in found.items()
        }

    told = once(tmp_path_factory, f"entries-{architecture}", find)
    return {
        bundle: {name: Path(file) for name, file in entries.items()}
        for bundle, entries in told.items()
    }


@pytest.mark.parametrize("architecture", TARGETS)
def test_every_library_should_be_for_the_machine_that_loads_it(
    architecture: str, tmp_path_factory: pytest.TempPathFactory, models_dir: Path
) -> None:
    checked: set[Path] = set()
    for bundle, entries in entries_of(architecture, tmp_path_factory, models_dir).items():
        assert 0 < unzipped_size(bundle, entries) <= MAX_UNZIPPED_BYTES
        libraries = {entries[name] for name in entries if ".so" in name.rpartition("/")[2]}
        if bundle in COMPILED:
            assert libraries, bundle
        for library in libraries - checked:
            with library.open("rb") as content:
                head = content.read(20)
            assert head[:6] == b"\x7fELF\x02\x01", library
            assert struct.unpack_from("<H", head, 18) == (TARGETS[architecture].machine,)
        checked |= libraries


def test_the_same_input_should_give_the_same_bytes_in_any_folder(
    tmp_path: Path, models_dir: Path
) -> None:
    """Made anew in another folder, of nothing that is kept, bundles are those of the package that
    end-to-end tests run.
    """
    manifest = Manifest.read(packaged(models_dir) / "package")
    folder = tmp_path / "another" / "and" / "longer"
    project = folder / "project"
    for part in ("chalicelib", "functions", "requirements"):
        shutil.copytree(
            PROJECT / part, project / part, ignore=shutil.ignore_patterns("__pycache__")
        )
    (project / "models").mkdir()
    for data in ("catalogue.json", "served.json"):
        shutil.copy2(PROJECT / "models" / data, project / "models")
    shutil.copy2(PROJECT / "app.py", project)
    caches = PackagingCaches.of(folder / "kept", "sole")
    place = workplace(folder / "content", caches, models_dir, native_architecture(), project)
    deflated = DeflateCache(caches.deflated)
    for bundle in MADE_TWICE:
        sha256 = archive.write_archive(place.entries(bundle), folder / f"{bundle}.zip", deflated)
        assert {sha256} == {each.sha256 for each in manifest.functions if each.name == bundle}


def test_what_one_function_imports_should_be_in_no_other_s_bundle(
    tmp_path_factory: pytest.TempPathFactory, models_dir: Path
) -> None:
    entries = entries_of(native_architecture(), tmp_path_factory, models_dir)
    app, embed = entries[APP], entries["embed_text"]
    assert "chalice/app.py" in app
    assert not {name for name in app if name.startswith(("functions/", "numpy/", "onnxruntime/"))}
    assert "functions/embed_text/handler.py" in embed
    assert "chalicelib/adapters/model_versions.py" in embed  # an embedder that the stage trained
    assert any(name.startswith("functions/embed_text/__pycache__/handler.cpy") for name in embed)
    assert not {
        name
        for name in embed
        if name.startswith(("chalice/", "chalicelib/api/", "functions/read_"))
    }
    assert "models/cache/minilm-l6-v2-fp32/model.onnx_data" in embed
    assert "functions/embed_text/event.json" not in embed

"""Running from a package: what is wrong with one is found before anything of it runs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from infra.packaging import archive
from infra.packaging.archive import DeflateCache
from infra.packaging.cache import PackagingCache
from infra.packaging.manifest import Manifest, PackagedFunction
from infra.packaging.targets import TARGETS, PackagingError, native_architecture
from localcloud.deployment_package import (
    SHARED_CONTENTS,
    _unpack_bundles,
    open_package,
    remove_other_bundles,
    remove_unpacked,
)


def made(folder: Path, architecture: str = "", content: str = "x = 1\n") -> Manifest:
    """Make a package of one function in `folder`."""
    (folder / "functions").mkdir(parents=True, exist_ok=True)
    source = folder / "source.py"
    source.write_text(content)
    file = folder / "functions" / "one.zip"
    archive.write_archive({"one.py": source}, file, DeflateCache(PackagingCache(folder / "kept")))
    sha256 = archive.sha256_of(file)
    (folder / "template.json").write_text("{}")
    function = PackagedFunction("One", "one", "functions/one.zip", "key", sha256, 1, 1)
    other = PackagedFunction("Two", "one", "functions/one.zip", "key", sha256, 1, 1)
    template = hashlib.sha256(b"{}").hexdigest()
    manifest = Manifest(
        "dev",
        "us-east-1",
        architecture or native_architecture(),
        "template.json",
        template,
        (function, other),
    )
    manifest.write(folder)
    return manifest


def refused(package: Path, why: str) -> None:
    aside = package.parent
    with pytest.raises(PackagingError, match=why):
        open_package(package, aside / "bundles", aside / "runtime", aside)
    assert not (aside / "runtime").exists()


def test_a_package_for_another_machine_should_be_refused_with_the_fix(tmp_path: Path) -> None:
    (other,) = set(TARGETS) - {native_architecture()}
    made(tmp_path / "package", other)
    refused(
        tmp_path / "package",
        f"was made for {other}.*headrace package --stage dev --architecture "
        f"{native_architecture()}",
    )


def test_a_template_that_was_changed_should_be_refused(tmp_path: Path) -> None:
    made(tmp_path / "package")
    (tmp_path / "package" / "template.json").write_text("{ }")
    refused(tmp_path / "package", "is not the template that the manifest names")


def test_a_bundle_that_was_changed_should_be_refused(tmp_path: Path) -> None:
    made(tmp_path / "package")
    file = tmp_path / "package" / "functions" / "one.zip"
    file.write_bytes(file.read_bytes() + b"\0")
    refused(tmp_path / "package", "and the manifest names")
    refused(tmp_path / "package", "and the manifest names")


def test_functions_that_share_a_bundle_should_share_a_folder(tmp_path: Path) -> None:
    manifest = made(tmp_path / "package")
    folders = _unpack_bundles(tmp_path / "package", manifest, tmp_path / "bundles")
    assert folders["One"] == folders["Two"]
    assert (folders["One"] / "one.py").read_text() == "x = 1\n"
    before = (folders["One"] / "one.py").stat().st_ino
    again = _unpack_bundles(tmp_path / "package", manifest, tmp_path / "bundles")
    assert (again["One"] / "one.py").stat().st_ino == before
    remove_unpacked(tmp_path / "bundles")
    assert not (tmp_path / "bundles").exists()


def test_what_a_killed_unpacking_left_should_be_made_anew(tmp_path: Path) -> None:
    manifest = made(tmp_path / "package")
    sha256 = manifest.functions[0].sha256[:16]
    half = tmp_path / "bundles" / f"one-{sha256}.draft"
    half.mkdir(parents=True)
    (half / "half.py").touch()
    half.chmod(0o555)
    folder = _unpack_bundles(tmp_path / "package", manifest, tmp_path / "bundles")["One"]
    assert {file.name for file in folder.iterdir()} == {"one.py"}


def test_former_bundles_should_go_with_what_only_they_held(tmp_path: Path) -> None:
    bundles = tmp_path / "bundles"
    former = _unpack_bundles(tmp_path / "a", made(tmp_path / "a"), bundles)["One"]
    second = made(tmp_path / "b", content="x = 2\n")
    current = _unpack_bundles(tmp_path / "b", second, bundles)["One"]
    remove_other_bundles(bundles, second)
    assert not former.exists()
    assert {folder.name for folder in bundles.iterdir() if folder.is_dir()} == {
        SHARED_CONTENTS,
        current.name,
    }
    assert [file.read_text() for file in (bundles / SHARED_CONTENTS).iterdir()] == ["x = 2\n"]
    assert (current / "one.py").read_text() == "x = 2\n"

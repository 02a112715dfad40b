"""What packagings keep: it goes when no owner's last packaging used it."""

from __future__ import annotations

from pathlib import Path

from infra.packaging.cache import PackagingCache


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def used(folder: Path, owner: str, *wanted: str) -> None:
    """Use names as one packaging does, making what is not there."""
    cache = PackagingCache(folder, owner)
    for name in wanted:
        path = cache.use(name)
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            (path / "file").touch()
        else:
            path.parent.mkdir(exist_ok=True)
            path.touch()
    cache.forget_unused()


def test_what_the_last_packaging_did_not_use_should_go(tmp_path: Path) -> None:
    used(tmp_path, "arm64", "one", "two")
    used(tmp_path, "arm64", "two", "three")
    assert names(tmp_path) == {"two", "three"}


def test_what_another_owner_uses_should_stay_until_it_no_longer_does(tmp_path: Path) -> None:
    used(tmp_path, "arm64", "one", "both")
    used(tmp_path, "x86_64", "both", "other")
    assert names(tmp_path) == {"one", "both", "other"}
    used(tmp_path, "x86_64")
    assert names(tmp_path) == {"one", "both"}


def test_folders_and_leftovers_should_go_too(tmp_path: Path) -> None:
    used(tmp_path, "arm64", "folder/")
    (tmp_path / "killed.draft").mkdir()
    used(tmp_path, "arm64", "file")
    assert names(tmp_path) == {"file"}

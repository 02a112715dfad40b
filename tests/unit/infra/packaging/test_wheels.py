"""Wheels for other machines, from a folder in place of a registry; and a Python that fits."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.packaging import targets
from infra.packaging.targets import TARGETS, PackagingError, find_target, require_stage_name
from infra.packaging.wheels import install, pins
from tests.unit.infra.packaging.registry import add_wheel

ANY = "py3-none-any"
NO_SUCH = f"--hash=sha256:{'0' * 64}"


def wanted(folder: Path, *lines: str) -> Path:
    file = folder / "requirements.txt"
    file.write_text("\n".join(lines))
    return file


def installed(requirements: Path, architecture: str, folder: Path) -> list[Path]:
    """Install every pin into a folder of its own below `folder`; return what lies there."""
    folder.mkdir(exist_ok=True)
    folders = {pin: folder / f"{number}" for number, pin in enumerate(pins(requirements))}
    install(folders, requirements, TARGETS[architecture])
    return sorted(file for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("architecture", TARGETS)
def test_the_wheel_of_the_target_should_be_taken(
    registry: Path, tmp_path: Path, architecture: str
) -> None:
    hashes = [
        add_wheel(registry, f"{python}-{python}-manylinux_2_28_{machine}")
        for python in ("cp311", "cp313")
        for machine in ("x86_64", "aarch64")
    ]
    thing = " \\\n    ".join(["thing==1", *hashes])
    requirements = wanted(tmp_path, thing, f"absent==2 ; sys_platform == 'win32' {NO_SUCH}")
    found = installed(requirements, architecture, tmp_path / "site")
    machine = TARGETS[architecture].wheels.partition("-")[0]
    (thing_py,) = [file for file in found if file.suffix == ".py"]
    assert f"cp313-cp313-manylinux_2_28_{machine}" in thing_py.read_text()


@pytest.mark.parametrize("records", [True, False])
@pytest.mark.parametrize("shared", [(), ("shared.py",)], ids=["apart", "with a file in common"])
def test_each_pin_should_get_its_own_package_and_nothing_else(
    registry: Path, tmp_path: Path, shared: tuple[str, ...], records: bool
) -> None:
    """Whether they can be installed together and parted again, or have to be one by one."""
    lines = []
    for name in ("one", "Two_more"):
        files = dict.fromkeys([f"{name}/__init__.py", *shared], f"NAME = {name!r}\n")
        lines.append(f"{name}==1 {add_wheel(registry, ANY, name, files, records=records)}")
    lines.append(f"one==2 ; python_version < '3' {NO_SUCH}")
    requirements = wanted(tmp_path, *lines)
    found = installed(requirements, "arm64", tmp_path / "site")
    pinned = [pin.partition(" ")[0] for pin in pins(requirements)]
    sources: dict[str, dict[str, str]] = {pin: {} for pin in pinned}
    for file in found:
        number, *place = file.relative_to(tmp_path / "site").parts
        if file.suffix == ".py":
            sources[pinned[int(number)]]["/".join(place)] = file.read_text()
    assert sources == {
        "one==1": dict.fromkeys(["one/__init__.py", *shared], "NAME = 'one'\n"),
        "Two_more==1": dict.fromkeys(["Two_more/__init__.py", *shared], "NAME = 'Two_more'\n"),
        "one==2": {},
    }


def test_a_package_without_a_wheel_should_be_named(registry: Path, tmp_path: Path) -> None:
    windows = add_wheel(registry, "cp313-cp313-win_amd64")
    newer = add_wheel(registry, "cp313-cp313-manylinux_2_39_aarch64")
    requirements = wanted(tmp_path, f"thing==1 {windows} {newer}")
    with pytest.raises(PackagingError, match=r"^thing has no wheel for Python 3\.13 on arm64"):
        installed(requirements, "arm64", tmp_path / "site")


def test_a_wheel_of_another_hash_should_be_refused(registry: Path, tmp_path: Path) -> None:
    add_wheel(registry, "cp313-cp313-manylinux_2_28_aarch64")
    requirements = wanted(tmp_path, f"thing==1 {NO_SUCH}")
    with pytest.raises(PackagingError, match=r"gives other files than .*requirements\.txt pins"):
        installed(requirements, "arm64", tmp_path / "site")
    assert not list((tmp_path / "site").rglob("*.py"))


def test_a_pin_without_a_hash_should_be_refused(registry: Path, tmp_path: Path) -> None:
    add_wheel(registry, "cp313-cp313-manylinux_2_28_aarch64")
    with pytest.raises(PackagingError, match=r"without their hashes: run `make lock`"):
        installed(wanted(tmp_path, "thing==1"), "arm64", tmp_path / "site")
    assert not list((tmp_path / "site").rglob("*.py"))


def test_what_is_not_there_at_all_should_be_told_in_uv_s_words(
    registry: Path, tmp_path: Path
) -> None:
    with pytest.raises(PackagingError, match=r"cannot be fetched for arm64.*absent"):
        installed(wanted(tmp_path, f"absent==1 {NO_SUCH}"), "arm64", tmp_path / "site")


def test_the_same_pins_should_be_the_same_whatever_is_said_of_them(tmp_path: Path) -> None:
    one = pins(wanted(tmp_path, "a==1", "    # via b", "b==2"))
    assert one == pins(wanted(tmp_path, "# another file", "b==2", "a==1")) == ["a==1", "b==2"]
    with pytest.raises(PackagingError, match="make lock"):
        pins(tmp_path / "none.txt")


@given(
    st.lists(
        st.tuples(
            st.from_regex(
                r"[a-z][a-z0-9-]{0,8}==[0-9.]{1,5}( ; python_version < '3')?", fullmatch=True
            ),
            st.sets(st.integers(0, 2**256 - 1), min_size=1, max_size=3),
        ),
        min_size=1,
        max_size=4,
    ),
    st.randoms(use_true_random=False),
)
def test_pins_should_hold_every_hash_whatever_the_order_and_the_lines(
    wants: list[tuple[str, set[int]]], random: Random
) -> None:
    def written(join: str) -> Path:
        lines = []
        for name, hashes in random.sample(wants, len(wants)):
            shuffled = random.sample(sorted(hashes), len(hashes))
            lines.append(join.join([name, *(f"--hash=sha256:{each:064x}" for each in shuffled)]))
            lines.append("    # via another")
        return wanted(folder, *lines)

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        one = pins(written(" "))
        assert one == pins(written(" \\\n    "))
    whole = "\n".join(one)
    for name, hashes in wants:
        assert name in whole
        assert all(f"--hash=sha256:{each:064x}" in whole for each in hashes)
    assert whole.count("--hash=") == sum(len(hashes) for _, hashes in wants)
    assert len(whole.splitlines()) == len(one) == len(wants)


def test_an_unknown_architecture_or_stage_should_be_refused() -> None:
    with pytest.raises(PackagingError, match="arm64 and x86_64"):
        find_target("mips")
    for stage in ("", "D", "dev-1", "x", "1dev", "a" * 13, "Über"):
        with pytest.raises(PackagingError, match="is no stage"):
            require_stage_name(stage)
    require_stage_name("dev2")


def test_a_machine_without_the_right_python_should_say_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "PYTHON", "3.99")
    monkeypatch.delenv(targets.VARIABLE, raising=False)
    fake = tmp_path / "python3.99"
    fake.write_text("#!/bin/sh\necho not found >&2\nexit 127\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PackagingError, match=r"apt-get install python3\.99"):
        targets.find_interpreter()
    monkeypatch.setenv(targets.VARIABLE, str(fake))
    with pytest.raises(PackagingError, match=r"is no Python 3\.99"):
        targets.find_interpreter()


def test_a_python_that_runs_should_be_found_behind_one_that_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "PYTHON", "3.99")
    monkeypatch.delenv(targets.VARIABLE, raising=False)
    folders = [tmp_path / "shims", tmp_path / "bin"]
    for folder, script in zip(folders, ("exit 127", 'echo 3 99 "$0"'), strict=True):
        folder.mkdir()
        (folder / "python3.99").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "python3.99").chmod(0o755)
    monkeypatch.setenv("PATH", ":".join(map(str, folders)))
    assert targets.find_interpreter() == folders[1] / "python3.99"


def test_the_python_that_a_script_starts_should_be_found_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "PYTHON", ".".join(map(str, sys.version_info[:2])))
    script = tmp_path / "shim"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv(targets.VARIABLE, str(script))
    assert targets.find_interpreter() == Path(sys.executable)

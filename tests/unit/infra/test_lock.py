"""Every requirement file that people write is compiled, and no compiled one is stale in kind."""

from __future__ import annotations

import re
from pathlib import Path

from infra import lock
from infra.packaging.wheels import pins

ROOT = Path(__file__).parents[3]
NOT_COMPILED = {
    lock.XLA,
    Path("requirements/functions.in"),  # a list of lists, for dev.in
    Path("requirements/bench.in"),  # an environment of its own, pinned as it was measured
    Path("requirements/qlora.in"),  # pinned, and needed by one way of tuning alone
    lock.TORCH,  # which build fits depends on the machine
}


def test_every_file_that_is_written_should_be_compiled() -> None:
    written = [
        *(ROOT / "requirements").glob("*.in"),
        *(ROOT / "functions").glob("*/requirements.in"),
    ]
    compiled = {lock.WHOLE, *lock.sources(ROOT), lock.BESIDE, lock.BIAS, lock.TRAINING, lock.JOBS}
    assert {path.relative_to(ROOT) for path in written} - NOT_COMPILED == compiled


def test_every_file_should_have_its_pins_and_name_no_host() -> None:
    beside = (lock.BESIDE, lock.BIAS, lock.TRAINING, lock.JOBS)
    for source in (lock.WHOLE, *lock.sources(ROOT), *beside):
        pinned = (ROOT / source).with_suffix(".txt").read_text()
        assert "index-url" not in pinned, source
        assert "://" not in pinned, source


def test_each_part_should_be_pinned_as_the_whole_is() -> None:
    whole = versions(lock.WHOLE)
    for source in lock.sources(ROOT):
        assert versions(source)
        assert versions(source) <= whole, source


def test_what_stands_beside_should_have_our_versions_of_what_both_use() -> None:
    # A package may have a version for each Python.
    ours, theirs = (
        {tuple(pin.split("==")) for pin in versions(source) if "==" in pin}
        for source in (lock.WHOLE, lock.BESIDE)
    )
    shared = {name for name, _ in ours} & {name for name, _ in theirs}
    assert {"boto3", "openai", "pydantic"} <= shared
    assert {each for each in theirs if each[0] in shared} <= ours


def test_jobs_should_install_a_part_of_what_training_is_tested_with() -> None:
    jobs = {pin.partition(" ")[0] for pin in versions(lock.JOBS)}
    assert jobs <= {pin.partition(" ")[0] for pin in versions(lock.TRAINING)}
    assert lock.is_shipped(lock.JOBS)


def test_a_command_with_packages_of_its_own_should_have_those_it_is_tested_with() -> None:
    tested = {pin.partition(" ")[0] for pin in versions(lock.WHOLE) | versions(lock.TRAINING)}
    assert {pin.partition(" ")[0] for pin in versions(lock.BIAS)} <= tested


def test_what_bundles_are_made_of_should_be_held_to_hashes() -> None:
    shipped = [source for source in lock.sources(ROOT) if lock.is_shipped(source)]
    rooms = {file.parent.name for file in (ROOT / "functions").glob("*/handler.py")}
    assert {source.parent.name for source in shipped} == {"requirements", *rooms}
    for source in shipped:
        for pin in pinned(source):
            wanted, *hashes = pin.split(" --hash=")
            assert hashes, f"{source}: {wanted}"
            assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), source


def pinned(source: Path) -> list[str]:
    return pins((ROOT / source).with_suffix(".txt"))


def versions(source: Path) -> set[str]:
    """Return what a file pins, without markers and hashes."""
    return {re.split(r" ;| --hash=", pin)[0] for pin in pinned(source)}

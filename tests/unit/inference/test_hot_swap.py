from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from chalicelib.contracts.serving import ServedVersion, Serving
from chalicelib.errors import Conflict, HeadraceError, ModelFailure, NotFound, Transient
from chalicelib.inference.hot_swap import REFRESH_SECONDS, HotSwap
from chalicelib.inference.image_generator import ImageGenerator, ImageSampling, open_model
from tests.exported_models import decoder, serving, version

FILES = {number: decoder(number / 10) for number in (1, 2, 3)}
ONE, TWO, THREE = (version(FILES[number], number) for number in (1, 2, 3))
LATER = REFRESH_SECONDS + 1


@dataclass
class Stage:
    """A bucket with versions, a clock, and what was looked for and told."""

    says: Serving | HeadraceError | None
    files: dict[str, Mapping[str, bytes]] = field(
        default_factory=lambda: {
            each.prefix: FILES[number] for number, each in enumerate((ONE, TWO, THREE), 1)
        }
    )
    now: float = 0.0
    looks: int = 0
    reads: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def serving(self, name: str) -> Serving | None:
        assert name == "digits-vae"
        self.looks += 1
        if isinstance(self.says, HeadraceError):
            raise self.says
        return self.says

    def file(self, version: ServedVersion, name: str) -> bytes:
        self.reads.append(f"{version.prefix}{name}")
        if name not in self.files[version.prefix]:
            raise NotFound(f"reading {name}: NoSuchKey")
        return self.files[version.prefix][name]

    def spoil(self, which: ServedVersion, **changes: bytes | None) -> None:
        """Change files of a version, or take them away."""
        files = {**self.files[which.prefix], **{n.replace("_", "."): c for n, c in changes.items()}}
        self.files[which.prefix] = {n: c for n, c in files.items() if c is not None}

    def process(self) -> HotSwap[ImageGenerator]:
        """Return what a new process of a function has."""
        return HotSwap(
            self, open_model, lambda: self.now, lambda error: self.told.append(str(error))
        )


def served_by(swap: HotSwap[ImageGenerator]) -> ServedVersion:
    return swap.get("digits-vae").version


def test_should_keep_a_version_open_and_look_once_in_a_while() -> None:
    stage = Stage(serving(ONE))
    swap = stage.process()
    first = swap.get("digits-vae")
    stage.now = REFRESH_SECONDS - 1
    assert swap.get("digits-vae") is first
    assert (stage.looks, len(stage.reads)) == (1, 2)
    stage.now = LATER
    assert swap.get("digits-vae") is first
    assert (stage.looks, len(stage.reads)) == (2, 2)


def test_should_swap_to_the_version_that_an_operator_names_and_back() -> None:
    stage = Stage(serving(ONE))
    swap = stage.process()
    drawn = [swap.get("digits-vae").model.generate_images(ImageSampling(count=8, seed=1))]
    for at, which in enumerate((TWO, ONE), 1):
        stage.says, stage.now = serving(which), at * LATER
        found = swap.get("digits-vae")
        assert found.version == which
        drawn.append(found.model.generate_images(ImageSampling(count=8, seed=1)))
    assert np.array_equal(drawn[0], drawn[2])
    assert (drawn[1] > drawn[0]).any()
    assert stage.told == []


SPOILT: list[dict[str, bytes | None]] = [
    {"decoder_onnx": b"another"},
    {"decoder_onnx": None},
    {"signature_json": b"{}"},
    {"signature_json": None},
]


@pytest.mark.parametrize("changes", SPOILT)
def test_should_go_on_with_what_it_has_where_a_new_version_is_corrupt_or_gone(
    changes: dict[str, bytes | None],
) -> None:
    stage = Stage(serving(ONE))
    swap = stage.process()
    first = swap.get("digits-vae")
    stage.says, stage.now = serving(TWO, ONE), LATER
    stage.spoil(TWO, **changes)
    assert swap.get("digits-vae") is first
    (why,) = stage.told
    assert why.startswith("tried/2 cannot serve, and tried/1 goes on: ")
    stage.files[TWO.prefix], stage.now = FILES[2], 2 * LATER
    assert served_by(swap) == TWO


@pytest.mark.parametrize("changes", SPOILT)
def test_a_new_process_should_take_the_version_before_where_the_new_one_is_corrupt(
    changes: dict[str, bytes | None],
) -> None:
    stage = Stage(serving(TWO, ONE))
    stage.spoil(TWO, **changes)
    swap = stage.process()
    assert served_by(swap) == ONE
    assert len(stage.told) == 1
    stage.files[TWO.prefix], stage.now = FILES[2], LATER
    assert served_by(swap) == TWO


def test_should_say_what_is_wrong_where_no_version_can_be_had() -> None:
    stage = Stage(serving(ONE))
    stage.spoil(ONE, decoder_onnx=b"another")
    with pytest.raises(ModelFailure, match=r"decoder\.onnx has sha256 .* Serve the version anew"):
        served_by(stage.process())
    stage.spoil(ONE, decoder_onnx=None)
    with pytest.raises(ModelFailure, match=r"decoder\.onnx of tried/1 is gone; serve it anew"):
        served_by(stage.process())
    stage.spoil(ONE, signature_json=None)
    with pytest.raises(ModelFailure, match=r"signature\.json of tried/1 is gone"):
        served_by(stage.process())


def test_should_say_how_to_serve_a_version_where_there_is_none() -> None:
    with pytest.raises(Conflict, match="headrace models serve digits-vae VERSION") as none:
        served_by(Stage(None).process())
    assert none.value.field == "model"


def test_should_serve_no_more_once_nothing_is_named() -> None:
    stage = Stage(serving(ONE))
    swap = stage.process()
    assert served_by(swap) == ONE
    stage.says, stage.now = None, LATER
    with pytest.raises(Conflict, match="No version"):
        served_by(swap)


def test_should_go_on_where_it_cannot_be_told_what_serves() -> None:
    stage = Stage(Transient("S3 is away"))
    with pytest.raises(Transient, match="S3 is away"):
        served_by(stage.process())
    stage.says = serving(ONE)
    swap = stage.process()
    assert served_by(swap) == ONE
    stage.says, stage.now = Transient("S3 is away"), LATER
    assert served_by(swap) == ONE
    assert stage.told == ["It cannot be told what serves, and tried/1 goes on: S3 is away"]


def trial(share: float) -> Serving:
    """Return that version 1 serves, and 2 is tried with a share of the callers."""
    return serving(ONE).model_copy(update={"candidate": TWO, "share": share})


def versions_met(swap: HotSwap[ImageGenerator], callers: int = 40) -> dict[str, int]:
    """Return by caller which version answered: 1 or 2."""
    number = {ONE: 1, TWO: 2}
    return {
        caller: number[swap.get("digits-vae", caller).version]
        for caller in (f"caller {n}" for n in range(callers))
    }


def test_a_candidate_should_answer_its_share_and_keep_whom_it_answers() -> None:
    stage = Stage(trial(25))
    swap = stage.process()
    few = versions_met(swap)
    assert few == versions_met(stage.process()), "the same in another process"
    assert dict.fromkeys(few, 1) != few
    stage.says, stage.now = trial(60), LATER
    more = versions_met(swap)
    assert all(more[caller] == 2 for caller, met in few.items() if met == 2)
    assert sum(met == 2 for met in more.values()) > sum(met == 2 for met in few.values())
    assert len(stage.reads) == 8, "each version was opened once in each process"
    assert swap.get("digits-vae").version == ONE, "of a caller that is unknown"
    assert swap.get("digits-vae", "caller 1", "live").version == ONE
    stage.says, stage.now = serving(TWO, before=ONE), 2 * LATER
    assert set(versions_met(swap).values()) == {2}


def test_a_candidate_without_a_share_should_answer_who_names_it() -> None:
    stage = Stage(trial(0))
    swap = stage.process()
    assert set(versions_met(swap).values()) == {1}
    assert swap.get("digits-vae", "caller 1", "candidate").version == TWO
    stage.says, stage.now = serving(ONE), LATER
    with pytest.raises(Conflict, match="tries no candidate for digits-vae"):
        swap.get("digits-vae", "caller 1", "candidate")


def test_the_live_version_should_answer_for_a_candidate_that_is_corrupt() -> None:
    stage = Stage(trial(100))
    stage.spoil(TWO, decoder_onnx=b"no model")
    swap = stage.process()
    assert set(versions_met(swap).values()) == {1}
    assert len(stage.told) == 1, "it was tried once"
    with pytest.raises(ModelFailure, match="cannot serve"):
        swap.get("digits-vae", variant="candidate")

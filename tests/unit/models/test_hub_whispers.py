"""Whispers of other sizes by name: pulled, converted, recorded, and what they take."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.errors import ModelFailure
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.transcribers import MAX_WHISPER_MB, OTHER_WHISPERS, why_not_built
from chalicelib.inference.speech.whisper import WhisperModel
from infra.packaging.models import CARRIED, carried, carried_models
from infra.packaging.targets import PackagingError
from models.pull.base_references import NoBase
from models.pull.cache import WrongHash
from models.pull.hub_bases import HubAccess
from models.pull.hub_whispers import WHISPERS, HubWhisper, pull_whisper, whisper_files
from models.pull.whisper_sizes import SIZES
from tests.unit.models.bases.hub import Hub, Repository, serve
from tests.unit.models.test_whisper import model_file, weights

COMMIT = "c0ffee" + "0" * 34
KNOWN = {"whisper-own": HubWhisper("own/whisper", COMMIT)}
CONFIG = json.dumps({"alignment_heads": [[0, 1]], "suppress_ids": [1]}).encode()


@pytest.fixture
def hub() -> Iterator[Hub]:
    files = {"config.json": CONFIG, "tokenizer.json": b"{}", "model.bin": model_file(weights())}
    with serve({"own/whisper": Repository(files, lfs=("model.bin",))}) as served:
        yield served


def test_a_whisper_should_be_pulled_once_and_recorded(hub: Hub, tmp_path: Path) -> None:
    access, steps = HubAccess(hub.endpoint), list[str]()
    folder = pull_whisper("whisper-own", tmp_path, lambda s: steps.append(s.step), access, KNOWN)
    assert folder == tmp_path / "whisper-own"
    assert (steps[-2:], json.loads((folder / "origin.json").read_text())["commit"]) == (
        ["converting", "placed"],
        COMMIT,
    )
    WhisperModel.open(tmp_path, "whisper-own")
    held = {file.name: file for file in whisper_files(folder)}
    assert held["decoder.onnx_data"].bytes == (folder / "decoder.onnx_data").stat().st_size
    asked = len(hub.asked)
    pull_whisper("whisper-own", tmp_path, lambda s: steps.append(s.step), access, KNOWN)
    assert (steps[-1], len(hub.asked)) == ("present", asked)


def test_what_is_not_the_commits_should_be_refused(hub: Hub, tmp_path: Path) -> None:
    access = HubAccess(hub.endpoint)
    other = {"whisper-own": HubWhisper("own/whisper", "0" * 40)}
    with pytest.raises(NoBase, match="own/whisper"):
        pull_whisper("whisper-own", tmp_path, access=access, known=other)
    hub.breaks.append("change")
    with pytest.raises(WrongHash, match=r"model\.bin of own/whisper"):
        pull_whisper("whisper-own", tmp_path, access=access, known=KNOWN)
    assert not (tmp_path / "whisper-own").exists()


def test_a_bundle_should_hold_what_was_recorded(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CARRIED, "transcribe_speech", ("whisper-own",))
    assert carried_models("transcribe_speech", "") == ("whisper-own", "whisper-base")
    with pytest.raises(PackagingError, match="headrace models pull whisper-own"):
        carried("transcribe_speech", tmp_path, catalogue(), {})
    folder = pull_whisper("whisper-own", tmp_path, access=HubAccess(hub.endpoint), known=KNOWN)
    (folder / "settings.json").write_text("{}")
    with pytest.raises(PackagingError, match=r"settings\.json has sha256"):
        carried("transcribe_speech", tmp_path, catalogue(), {})


def test_the_bytes_of_base_should_be_those_that_its_weights_give() -> None:
    files = {file.name: file.bytes for file in catalogue().model("whisper-base").files}
    data = files["encoder.onnx_data"] + files["decoder.onnx_data"]
    assert SIZES["whisper-base"].int8_bytes == data


def test_each_name_should_say_what_it_takes_and_whether_a_bundle_holds_it() -> None:
    assert {*WHISPERS} == {*OTHER_WHISPERS} == {*SIZES} - {"whisper-base"}
    for name, megabytes in OTHER_WHISPERS.items():
        assert megabytes == round(SIZES[name].int8_bytes / 1e6)
    fits = {name for name, megabytes in OTHER_WHISPERS.items() if megabytes <= MAX_WHISPER_MB}
    assert fits == {"whisper-tiny"}
    assert "an operator has to add it" in why_not_built("whisper-tiny")
    assert "1619 MB, and a bundle of Lambda has room for 134" in why_not_built("whisper-large-v3")
    assert why_not_built("nova-micro") == ""


def test_a_function_should_say_that_a_whisper_is_not_built(tmp_path: Path) -> None:
    with pytest.raises(ModelFailure, match="whisper-small is not built into this stage"):
        WhisperModel.open(tmp_path, "whisper-small")

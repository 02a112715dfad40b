"""Whole models of registered versions: the base by its hash, exports, and versions as bases."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from cli.failures import UsageError
from cli.models.export import _target
from infra.models.bases import BaseWish, StageBases
from infra.models.exports import VersionExports
from infra.models.merger import MergeSettings, VersionMerger
from infra.models.training import TrainingError
from infra.stages import StageConnection
from models.bases.folder import BaseRecord, record_base, sha256_of_record
from models.failures import BadData
from models.pull.base_references import NoBase
from tests.unit.infra.test_base_models import BUCKET, S3
from tests.unit.infra.test_training import OUTPUTS

ARTEFACT = ("models", "group/1/model.tar.gz")
MERGER = """
import json, sys
from pathlib import Path
sys.path.insert(0, {project!r})
from models.bases.folder import read_base, record_base
_, _, version, base, into, _, name, _, precision, *gguf = sys.argv[1:]
into = Path(into)
assert json.loads((Path(version) / "training.json").read_text())["recipe"] == "instruction_tuning"
if {fails}:
    sys.stderr.write("noise\\n" + name + " cannot be merged\\n")
    raise SystemExit(1)
(into / "config.json").write_text('{{"model_type": "llama"}}')
(into / "model.safetensors").write_bytes(b"merged into " + read_base(Path(base)).sha256.encode())
record_base(into, name=name, source="tests", licence="MIT")
(into / "probe.json").write_text("{{}}")
print(json.dumps({{"precision": precision, "licence": "MIT"}}))
"""


@dataclass
class Stage:
    """A stage with one version in its registry, a base, and a training environment."""

    root: Path
    s3: S3 = field(default_factory=S3)

    def client(self, service: str) -> Any:
        return self.s3 if service == "s3" else self

    def describe_model_package(self, **_: Any) -> dict[str, Any]:
        bucket, key = ARTEFACT
        container = {"ModelDataUrl": f"s3://{bucket}/{key}"}
        return {
            "ModelPackageArn": "arn:aws:sagemaker:eu-west-1:1:model-package/group/1",
            "ModelPackageGroupName": "group",
            "ModelPackageVersion": 1,
            "ModelApprovalStatus": "Approved",
            "InferenceSpecification": {"Containers": [container]},
        }

    def base(self) -> BaseRecord:
        folder = self.root / "bases" / "small"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text('{"model_type": "llama"}')
        (folder / "model.safetensors").write_bytes(b"weights")
        return record_base(folder, name="small", source="test", licence="MIT")

    def train(self, bases: dict[str, str], recipe: str = "instruction_tuning") -> None:
        content = json.dumps({"recipe": recipe, "bases": bases}).encode()
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            info = tarfile.TarInfo("training.json")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        self.s3.objects[ARTEFACT] = packed.getvalue()

    def interpreter(self, *, fails: bool = False) -> Path:
        """Return a Python that merges without torch."""
        program, made = self.root / "merger.py", self.root / "python"
        program.write_text(MERGER.format(project=str(Path.cwd()), fails=fails))
        made.write_text(f'#!/bin/sh\nexec {sys.executable} {program} "$@"\n')
        made.chmod(0o755)
        return made

    def merger(self, **given: Any) -> VersionMerger:
        bases = self.root / "bases"
        return VersionMerger(self.client, BUCKET, self.interpreter(**given), bases)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = Stage(tmp_path)
    made.train({"base_model": sha256_of_record(made.base())})
    return made


def left(stage: Stage) -> Path:
    folder = stage.root / "left"
    with tarfile.open(fileobj=io.BytesIO(stage.s3.objects[ARTEFACT])) as archive:
        archive.extractall(folder, filter="data")
    return folder


def test_the_base_should_be_taken_from_here_or_else_from_the_bucket(stage: Stage) -> None:
    into = stage.root / "into"
    into.mkdir()
    merger = stage.merger()
    told = merger.merge("group/1", left(stage), into, MergeSettings("bf16"))
    assert told["precision"] == "bf16"
    here = (into / "model.safetensors").read_bytes()
    bases = StageBases(stage.client, BUCKET, "eu-west-1", "1", stage.interpreter())
    bases.upload(stage.root / "bases" / "small")
    away = replace(merger, bases=stage.root / "none")
    away.merge("group/1", left(stage), into, MergeSettings())
    assert (into / "model.safetensors").read_bytes() == here
    stage.s3.objects.clear()
    with pytest.raises(NoBase, match="The base of group/1 is neither in"):
        away.merge("group/1", stage.root / "left", into, MergeSettings())


def test_a_registered_version_should_be_a_base(stage: Stage) -> None:
    bases = StageBases(stage.client, BUCKET, "eu-west-1", "1", stage.interpreter())
    bases.upload(stage.root / "bases" / "small")
    placed = bases.place(BaseWish("group/1"))
    assert placed.record.name == "group/1"
    assert bases.place(BaseWish("group/1")) == placed
    assert placed.uri.startswith(f"s3://{BUCKET}/models/bases/")


def test_a_registered_denoiser_should_be_a_base_of_what_the_environment_makes(
    stage: Stage,
) -> None:
    stage.train({}, "diffusion")
    made, program = stage.root / "bases" / "small", stage.root / "python"
    told = f'{{"folder": "{made}"}}'
    program.write_text(f"#!/bin/sh\ntest -f \"$3/training.json\" && echo '{told}'\n")
    program.chmod(0o755)
    bases = StageBases(stage.client, BUCKET, "eu-west-1", "1", program)
    assert bases.place(BaseWish("group/1")).record.name == "small"


@pytest.mark.parametrize(
    ("bases", "fails", "says"),
    [
        ({}, False, "tunes no base model: nothing can be merged"),
        (None, True, r"^group/1 cannot be merged$"),
    ],
)
def test_what_cannot_be_merged_should_say_why(
    bases: dict[str, str] | None, fails: bool, says: str, stage: Stage
) -> None:
    if bases is not None:
        stage.train(bases)
    with pytest.raises(BadData, match=says):
        stage.merger(fails=fails).merge("group/1", left(stage), stage.root, MergeSettings())


def test_a_missing_training_environment_should_be_said(stage: Stage) -> None:
    left(stage)
    gone = replace(stage.merger(), interpreter=Path("none"))
    with pytest.raises(BadData, match="`make training` makes it"):
        gone.merge("group/1", stage.root / "left", stage.root, MergeSettings())


def test_an_export_should_leave_files_and_upload_them(stage: Stage) -> None:
    exports = VersionExports(StageConnection(stage.client, OUTPUTS), stage.interpreter())
    exports._merger = stage.merger()
    into = stage.root / "into"
    into.mkdir()
    found = exports.export("group/1", "safetensors", into, precision="fp32", encoding="f16")
    assert found.files == ["base.json", "config.json", "model.safetensors"]
    exports.require_empty("s3://mine/models/notes/")
    exports.upload(into, "s3://mine/models/notes/")
    with pytest.raises(TrainingError, match=r"s3://mine/models/notes/ is not empty: models/notes/"):
        exports.require_empty("s3://mine/models/notes")
    exports.require_empty("s3://mine/models/note")
    assert ("mine", "models/notes/config.json") in stage.s3.objects


@pytest.mark.parametrize("into", ["{folder}", "{folder}/mine", "s3://bucket"])
def test_what_is_no_place_for_an_export_should_be_refused(into: str, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(UsageError, match=r"^--into: "), _target(into.format(folder=tmp_path)):
        raise AssertionError("nothing is made")

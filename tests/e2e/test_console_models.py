"""Trained versions and trainings in the console, in a real browser: for operators."""

from __future__ import annotations

import io
import tarfile
from json import dumps
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from chalicelib.adapters.trainings import card_key, progress_key
from chalicelib.contracts.model_card import CardFact, CardNumber, ModelCard, TrainingCurves
from localcloud.sagemaker.jobs.program import INTERPRETER
from models.sagemaker import code_archive
from tests.cloud import CloudProcess
from tests.e2e.browser import NARROW, console, expect_usable, picture, show
from tests.e2e.tenants import key_of, make_tenant

GROUP = "headrace-local-console-test"
TRAINING = f"{GROUP}-20261201-191910"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
PROGRAM = """
import itertools, json, os, time
from pathlib import Path
from models.failures import Diverged
from models.training.progress import ProgressFile

root, ticks = Path(os.environ["HEADRACE_ML_ROOT"]), itertools.count(step=10)
seen = Path(json.loads(os.environ["SM_HPS"])["seen"])
file = root / "checkpoints" / "progress.json"
try:
    with ProgressFile(file, 60, keep=True, monotonic=lambda: next(ticks)) as progress:
        for step in range(1, 7):
            progress.add(step, {"loss": 1 / step})
        while not seen.exists():
            time.sleep(0.05)
        progress.add(7, {"loss": float("nan")})
        raise Diverged("Step 7 diverged: loss is nan.")
except Diverged as error:
    (root / "output" / "failure").write_text(f"Diverged: {error}")
    raise SystemExit(1)
"""
"""The program that a job runs in place of a recipe, which would import torch."""


def card(loss: float) -> ModelCard:
    return ModelCard(
        name="console-test-tiny",
        about="Learns to be looked at.",
        verdict="It reaches every gate.",
        pictures=("samples.png", "loss.png"),
        numbers=(CardNumber(name="loss", value=loss, gate="at most 0.5"),),
        origin=(CardFact(name="learning_rate", value=f"{loss / 100:g}"),),
        curves=TrainingCurves(steps=(10, 20, 30), values={"loss": (2.0, 1.0, loss)}),
    )


def registered(cloud: CloudProcess, number: int) -> None:
    """Register a version of GROUP whose training left a card with a picture."""
    training, loss = f"{TRAINING[:-1]}{number}", number / 8
    cloud.client("sagemaker").create_model_package(
        ModelPackageGroupName=GROUP,
        InferenceSpecification={
            "Containers": [{"Image": "none", "ModelDataUrl": "s3://none/model.tar.gz"}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        CustomerMetadataProperties={"loss": str(loss), "training": training},
        ModelApprovalStatus="PendingManualApproval",
    )
    drawn = io.BytesIO()
    Image.new("RGB", (40, 20), (200, 30 * number, 40)).save(drawn, "PNG")
    files = {"card.json": card(loss).model_dump_json().encode(), "samples.png": drawn.getvalue()}
    for name, content in files.items():
        bucket, key = cloud.outputs["DocumentsBucketName"], card_key(training, name)
        cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=content)


@pytest.fixture(scope="module")
def key(cloud: CloudProcess) -> str:
    """The key of an operator, on whose stage are two versions."""
    cloud.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
    registered(cloud, 1)
    registered(cloud, 2)
    return cloud.api_key


def begin_training(cloud: CloudProcess, seen: Path) -> None:
    """Begin a job that learns six steps, waits until there is a file `seen`, and diverges."""
    bucket, address = cloud.outputs["DocumentsBucketName"], f"models/code/{TRAINING}.tar.gz"
    cloud.client("s3").put_object(Bucket=bucket, Key=address, Body=code_of(PROGRAM))
    allowed = {
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/models/*"],
    }
    iam = cloud.client("iam")
    role = iam.create_role(RoleName="console-training", AssumeRolePolicyDocument=dumps(TRUST))
    document = dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName="console-training", PolicyName="own", PolicyDocument=document)
    cloud.client("sagemaker").create_training_job(
        TrainingJobName=TRAINING,
        RoleArn=role["Role"]["Arn"],
        AlgorithmSpecification={"TrainingImage": "image", "TrainingInputMode": "File"},
        HyperParameters={
            "recipe": '"line"',
            "seen": str(seen),
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"s3://{bucket}/{address}",
        },
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/models/trained"},
        CheckpointConfig={
            "S3Uri": f"s3://{bucket}/{progress_key(TRAINING).rpartition('/')[0]}/",
            "LocalPath": "/opt/ml/checkpoints",
        },
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 300},
    )


def code_of(program: str) -> bytes:
    """Return the code of a job with another program."""
    out = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(code_archive.build_archive())) as whole,
        tarfile.open(fileobj=out, mode="w:gz") as packed,
    ):
        for entry in whole.getmembers():
            body = whole.extractfile(entry)
            if entry.name == "train.py":
                body, entry.size = io.BytesIO(program.encode()), len(program.encode())
            packed.addfile(entry, body)
    return out.getvalue()


def test_should_show_a_card_and_two_versions_beside_each_other_and_approve_one(
    page: Page, cloud: CloudProcess
) -> None:
    show(page, cloud, "versions")
    page.get_by_role("link", name=f"{GROUP}/2").click()
    expect(page.get_by_text("Learns to be looked at.")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="at most 0.5")
    expect(row).to_contain_text("0.25")
    expect(row).to_contain_text("+0.125")
    samples = page.get_by_role("img", name="samples of Version")
    expect(samples).to_have_count(2)
    for each in samples.all():
        assert each.evaluate("image => image.decode().then(() => image.naturalWidth)") == 40
    expect(page.locator(".plot svg")).to_be_visible()
    curves = "Version 2: from 2 to 0.25 at step 30. Version 1: from 2 to 0.125 at step 30."
    expect(page.get_by_role("img", name=f"loss by step. {curves}")).to_be_visible()
    page.get_by_text("Origin and settings: 1 of 1 differ").click()
    expect(page.get_by_role("row").filter(has_text="learning_rate")).to_contain_text("0.0025")
    page.get_by_label("Beside it").select_option("none")
    expect(samples).to_have_count(1)
    page.get_by_label("Reason").fill("better than none")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator(".facts .badge")).to_have_text("approved")
    picture(page, "versions")
    found = cloud.client("sagemaker").list_model_packages(ModelPackageGroupName=GROUP)
    states = {
        each["ModelPackageVersion"]: each["ModelApprovalStatus"]
        for each in found["ModelPackageSummaryList"]
    }
    assert states == {1: "PendingManualApproval", 2: "Approved"}


@pytest.mark.skipif(not INTERPRETER.exists(), reason="make training has not been run")
def test_should_follow_a_training_until_it_diverges(
    page: Page, cloud: CloudProcess, tmp_path: Path
) -> None:
    begin_training(cloud, tmp_path / "seen")
    show(page, cloud, "trainings")
    page.get_by_role("link", name=TRAINING).click()
    expect(page.get_by_role("img", name="from 1 to 0.1667 at step 6")).to_be_visible()
    expect(page.locator(".facts .badge")).to_have_text("running")
    (tmp_path / "seen").touch()
    expect(page.locator(".facts .badge")).to_have_text("diverged")
    expect(page.locator(".facts .reason")).to_contain_text("Step 7 diverged: loss is nan")
    expect(page.get_by_text("7 of 60")).to_be_visible()
    page.get_by_role("button", name="As curl").click()
    expect(page.locator("dialog pre")).to_contain_text(f"/v1/trainings/{TRAINING}'")


def test_should_refuse_who_is_no_operator(chromium: Browser, cloud: CloudProcess) -> None:
    with make_tenant(cloud, "console-models").api as api:
        key = key_of(api)
    with console(chromium, cloud, key) as page:
        for screen in ("versions", "trainings"):
            show(page, cloud, screen)
            expect(page.get_by_role("alert")).to_contain_text("takes an operator's API key")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_should_be_usable_narrow_and_with_a_reader(
    chromium: Browser, cloud: CloudProcess, key: str, scheme: str
) -> None:
    with console(chromium, cloud, key, NARROW, color_scheme=scheme) as page:
        screens = (
            (f"versions/{GROUP}/2", "samples"),
            ("trainings", "headrace train RECIPE"),
        )
        expect_usable(page, cloud, screens)

"""Trained versions and trainings in the console, in a real browser: for operators."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from chalicelib.adapters.trainings import card_key
from chalicelib.contracts.model_card import (
    CardFact,
    CardNumber,
    ModelCard,
    TrainingCurves,
    TrainingProgress,
)
from chalicelib.contracts.trainings import TrainingStep, TrainingView
from tests.cloud import CloudProcess
from tests.e2e.browser import NARROW, console, expect_usable, picture, show
from tests.e2e.driving import client_of
from tests.e2e.tenants import key_of, make_tenant

GROUP = "headrace-local-console-test"
TRAINING = f"{GROUP}-20261201-191910"
NOW = datetime(2026, 12, 1, tzinfo=UTC)


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


def training(step: int, state: str) -> TrainingView:
    """A training, of which `step` steps were made, and that runs or diverged."""
    failed = state == "diverged"
    steps = tuple(range(1, step + 1))
    values = tuple(None if failed and each == step else 1 / each for each in steps)
    progress = TrainingProgress.model_validate(
        {
            "state": state,
            "step": step,
            "steps": 60,
            "updated_at": NOW,
            "curves": TrainingCurves(steps=steps, values={"loss": values}),
        }
    )
    reason = f"Step {step} diverged: loss is nan" if failed else ""
    ran = TrainingStep(state="failed" if failed else "running", phase="Training", reason=reason)
    return TrainingView(
        name=TRAINING, state=ran.state, created_at=NOW, training=ran, progress=progress
    )


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


def test_should_follow_a_training_until_it_diverges(page: Page, cloud: CloudProcess) -> None:
    shown = iter([training(4, "running"), training(5, "running")])
    last = training(7, "diverged")

    def answer(route: Route) -> None:
        route.fulfill(json=next(shown, last).model_dump(mode="json"))

    page.route(f"**/v1/trainings/{TRAINING}", answer)
    show(page, cloud, f"training/{TRAINING}")
    expect(page.locator(".facts .badge")).to_have_text("running")
    expect(page.get_by_role("img", name="from 1 to 0.25 at step 4")).to_be_visible()
    expect(page.locator(".facts .badge")).to_have_text("diverged")
    expect(page.locator(".facts .reason")).to_have_text("Step 7 diverged: loss is nan")
    expect(page.get_by_role("img", name="from 1 to 0.1667 at step 6")).to_be_visible()
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
    with client_of(cloud, key) as api:
        assert api.get(f"/v1/trainings/{TRAINING}").status_code == 404
    with console(chromium, cloud, key, NARROW, color_scheme=scheme) as page:
        screens = (
            (f"versions/{GROUP}/2", "samples"),
            ("trainings", "No trainings"),
        )
        expect_usable(page, cloud, screens)

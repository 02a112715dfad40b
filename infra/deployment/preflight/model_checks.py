"""Preflight checks of models: the chat model is permitted, and image models can be called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.generation.model_checks import image_regions
from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import geography
from chalicelib.generation.requirements import NO_IMAGE_REGION
from infra.deployment.failures import code_of, is_unreachable, message_of
from infra.deployment.plan import DeploymentPlan
from infra.deployment.preflight.findings import PreflightFinding, warning

_PROFILE = re.compile(r"(arn:.*:(application-)?inference-profile/)|^[a-z]{2,6}(-gov)?\.[a-z0-9]+\.")
_ACCESS = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html"


def chat_model(plan: DeploymentPlan) -> Iterator[PreflightFinding]:
    """Yield the problems that would keep a stage from using its chat model."""
    model = _model_of(plan)
    bedrock = plan.account.client("bedrock")
    why = "Answers are then made of sentences of the documents alone."
    if model and served_models().by_bedrock_id(model) is None:
        yield warning(
            f"No model of the catalogue is asked as {model}",
            why,
            "--parameter ChatModelId=MODEL, one of those that `headrace models ls --served` shows",
        )
        return
    try:
        base, needs_profile = _base_model(bedrock, model)
    except (BotoCoreError, ClientError) as failed:
        if is_unreachable(failed):
            where = f"Amazon Bedrock does not answer in {plan.account.region}"
            yield warning(where, why, "Another --region, if language models are wanted.")
            return
        if code_of(failed) not in ("ResourceNotFoundException", "ValidationException"):
            raise
        yield warning(
            f"Amazon Bedrock has no model {model} in {plan.account.region}",
            f"{message_of(failed)} {why}",
            "--parameter ChatModelId=MODEL, one of "
            f"`{plan.commands.aws('bedrock list-foundation-models')}`",
        )
        return
    if needs_profile:
        yield _only_by_profile(bedrock, plan.account.region, model, why)
    yield from _availability(bedrock, base, why)


def image_region(plan: DeploymentPlan) -> Iterator[PreflightFinding]:
    """Yield where the image models of Bedrock are called from, if the stage's region has none.

    Legacy models do not count: an account cannot start to use one.
    https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html
    """
    declared = plan.package.template.get("Parameters", {}).get("ImageRegion")
    offered = image_regions(served_models(), datetime.now(UTC).date())
    own = plan.account.region
    if declared is None or own in offered or not offered:
        return
    chosen = plan.effective.get("ImageRegion", str(declared.get("Default", "")))
    nearest = next((each for each in offered if geography(each) == geography(own)), None)
    way = f"--parameter ImageRegion={nearest or offered[0]}, or ImageRegion=none"
    if chosen and chosen not in (*offered, NO_IMAGE_REGION):
        yield warning(
            f"No image model of Bedrock is active in {chosen}",
            f"There are some in {', '.join(offered)}. Pictures are drawn by the stage's own small"
            " models alone.",
            way,
        )
    elif not chosen and nearest is None:
        yield warning(
            f"No image model of Bedrock can be called from {own}",
            "Pictures are drawn by the stage's own small models alone.",
            f"{way}: prompts of pictures are then sent to the region that is named",
        )
    elif not chosen:
        yield warning(
            f"{own} has no active image model of Bedrock; pictures are drawn in {nearest}",
            "Prompts of pictures are sent there, within the same geography.",
            f"Nothing, if that is right; {way} says so",
        )


def _model_of(plan: DeploymentPlan) -> str:
    declared = plan.package.template.get("Parameters", {}).get("ChatModelId", {})
    return plan.effective.get("ChatModelId", str(declared.get("Default", "")))


def _base_model(bedrock: Any, model: str) -> tuple[str, bool]:
    """Return the foundation model's id, and whether the region needs a profile to call it.

    `model` is the id of a model, or of one of its inference profiles.
    """
    if _PROFILE.search(model):
        profile = bedrock.get_inference_profile(inferenceProfileIdentifier=model)
        return str(profile["models"][0]["modelArn"]).rpartition("/")[2], False
    details = bedrock.get_foundation_model(modelIdentifier=model)["modelDetails"]
    return str(details["modelId"]), "ON_DEMAND" not in details.get("inferenceTypesSupported", [])


def _only_by_profile(bedrock: Any, region: str, model: str, why: str) -> PreflightFinding:
    """Return the finding for a model that this region can call only by an inference profile.

    https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
    """
    profiles = _profiles_of(bedrock, model)
    way = (
        f"--parameter ChatModelId={profiles[0]}, by which other regions answer, too"
        if profiles
        else "--parameter ChatModelId=MODEL, one that the region has on demand"
    )
    return warning(
        f"{model} cannot be called on demand in {region}",
        f"It is called by an inference profile there, which spans regions. {why}",
        way,
    )


def _profiles_of(bedrock: Any, model: str) -> list[str]:
    """Return AWS's own profiles for a model, regional groups before the global profile."""
    pages = bedrock.get_paginator("list_inference_profiles").paginate(typeEquals="SYSTEM_DEFINED")
    profiles = [
        str(each["inferenceProfileId"])
        for page in pages
        for each in page["inferenceProfileSummaries"]
        if any(of["modelArn"].endswith(f"/{model}") for of in each["models"])
    ]
    return sorted(profiles, key=lambda profile: (profile.startswith("global."), profile))


def _availability(bedrock: Any, model: str, why: str) -> Iterator[PreflightFinding]:
    response = bedrock.get_foundation_model_availability(modelId=model)
    states = {
        "agreement": response["agreementAvailability"]["status"],
        "authorization": response["authorizationStatus"],
        "entitlement": response["entitlementAvailability"],
        "region": response["regionAvailability"],
    }
    missing = sorted(
        name for name, state in states.items() if state not in ("AVAILABLE", "AUTHORIZED")
    )
    if missing:
        state = ", ".join(f"{name} {states[name].lower()}" for name in missing)
        yield warning(f"The account has no access to {model} ({state})", why, _ACCESS)

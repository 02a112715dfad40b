"""Approval of registered versions: which may serve, and which may found others.

A version may if it is approved, of a preset that is held to gates, and reaches the gates that its
recipe has now. Who overrides that does it loudly: the reasons go into what is written of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.contracts.model_manifest import Signature
from infra.models.registry import APPROVED, RegisteredVersion
from infra.stages import Client
from models.failures import BadRecipe
from models.training import recipe
from models.training.gates import missed_gates
from models.training.recipe_gates import gates_of

REJECTED = "Rejected"
OVERRIDE = "--unapproved"
"""The option that uses a version in spite of what speaks against it."""


def status_problem(version: RegisteredVersion) -> str:
    """Return why the status of a version does not let it be used, or ""."""
    if version.status == APPROVED:
        return ""
    state = "was rejected" if version.status == REJECTED else f"is {version.status}"
    return f"{version.name} {state}, and only an approved version is used"


def use_problems(version: RegisteredVersion, signature: Signature) -> list[str]:
    """Return why a version should not be used: its status, its preset, its gates, its bases."""
    origin, name = signature.origin, version.name
    problems = [status_problem(version)]
    if origin.preset == "smoke":
        problems.append(f"{name} is of the preset smoke, which is held to no gate")
    else:
        problems.append(_gate_problem(name, signature))
    if origin.unapproved_bases:
        problems.append(f"{name} begins from {'; '.join(origin.unapproved_bases)}")
    return [each for each in problems if each]


def _gate_problem(name: str, signature: Signature) -> str:
    try:
        origin = signature.origin
        found = recipe.load(origin.recipe)
        gates = gates_of(found, origin.asked_gates, own_data=origin.own_data)
    except BadRecipe as error:
        return f"{name}: {error}"
    missed = missed_gates(gates, signature.metrics)
    return f"{name} misses its gates: {'; '.join(missed)}" if missed else ""


def refusal(problems: Sequence[str], option: str) -> str:
    """Return the message that refuses a version, and says what to do."""
    return (
        f"{'; '.join(problems)}. Approve a version by `headrace models approve VERSION`, or "
        f"override by {option}."
    )


def set_status(client: Client, version: RegisteredVersion, status: str, comment: str) -> None:
    """Approve or reject a version. Raises ClientError."""
    said = {"ApprovalDescription": comment} if comment else {}
    client("sagemaker").update_model_package(
        ModelPackageArn=version.arn, ModelApprovalStatus=status, **said
    )

"""The permissions of Bedrock's operations that are not those of their own names. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from localcloud.iam.action_rule import ActionRule
from localcloud.iam.resources import (
    AccountResources,
    Params,
    RequiredPermission,
    guardrail_arn,
    resource_of,
)

_DOCS = "https://docs.aws.amazon.com"
_RUNTIME = f"{_DOCS}/bedrock/latest/APIReference/API_runtime_"
_PROFILES = f"{_DOCS}/bedrock/latest/userguide/inference-profiles-prereq.html"
_STREAM = "InvokeModelWithResponseStream"


def _model_invocation(
    action: str,
) -> Callable[[Params, AccountResources], Iterable[RequiredPermission]]:
    """Return a rule for calls of a model, directly or through an inference profile.

    A profile requires the action on the profile and on its model in each region that it routes to.
    Those regions are AWS's choice, so here it is the region of the call; a global profile also
    requires the model without a region.
    """

    def permissions(params: Params, account: AccountResources) -> Iterable[RequiredPermission]:
        resource = resource_of("bedrock-runtime", params, account)
        yield RequiredPermission(action, resource)
        guardrail = {**params, **(params.get("guardrailConfig") or {})}
        if guardrail.get("guardrailIdentifier"):
            yield RequiredPermission("bedrock:ApplyGuardrail", guardrail_arn(guardrail, account))
        geography, _, model = resource.partition(":inference-profile/")[2].partition(".")
        if model:
            for region in [account.region, ""] if geography == "global" else [account.region]:
                arn = f"arn:aws:bedrock:{region}::foundation-model/{model}"
                yield RequiredPermission(action, arn, {"bedrock:inferenceprofilearn": (resource,)})

    return permissions


def _create_invocation_job(
    params: Params, account: AccountResources
) -> Iterable[RequiredPermission]:
    """Yield the permissions of a batch job: on its model, on jobs, and to pass its role."""
    action = "bedrock:CreateModelInvocationJob"
    yield RequiredPermission(action, resource_of("bedrock-runtime", params, account))
    yield RequiredPermission(action, account.arn("bedrock", "model-invocation-job/*"))
    yield RequiredPermission(
        "iam:PassRole",
        str(params.get("roleArn", "")),
        {"iam:passedtoservice": ("bedrock.amazonaws.com",)},
    )


def _create_customisation_job(
    params: Params, account: AccountResources
) -> Iterable[RequiredPermission]:
    """Yield the permissions of a fine-tuning: on its base, on models, and to pass its role."""
    action = "bedrock:CreateModelCustomizationJob"
    base = str(params.get("baseModelIdentifier", ""))
    if not base.startswith("arn:"):
        base = f"arn:aws:bedrock:{account.region}::foundation-model/{base}"
    yield RequiredPermission(action, base)
    yield RequiredPermission(action, account.arn("bedrock", "custom-model/*"))
    yield RequiredPermission(action, account.arn("bedrock", "model-customization-job/*"))
    yield RequiredPermission(
        "iam:PassRole",
        str(params.get("roleArn", "")),
        {"iam:passedtoservice": ("bedrock.amazonaws.com",)},
    )


def _create_import_job(params: Params, account: AccountResources) -> Iterable[RequiredPermission]:
    """Yield the permissions of an import: on models and jobs, and to pass its role."""
    action = "bedrock:CreateModelImportJob"
    yield RequiredPermission(action, account.arn("bedrock", "imported-model/*"))
    yield RequiredPermission(action, account.arn("bedrock", "model-import-job/*"))
    yield RequiredPermission(
        "iam:PassRole",
        str(params.get("roleArn", "")),
        {"iam:passedtoservice": ("bedrock.amazonaws.com",)},
    )


BEDROCK_RULES: Mapping[tuple[str, str], ActionRule] = {
    **{
        ("bedrock-runtime", operation): ActionRule(
            _model_invocation(f"bedrock:{action}"),
            "always; through an inference profile on its model too",
            source,
        )
        for operation, action, source in (
            ("Converse", "InvokeModel", f"{_RUNTIME}Converse.html"),
            ("ConverseStream", _STREAM, f"{_RUNTIME}ConverseStream.html"),
            ("InvokeModel", "InvokeModel", _PROFILES),
            (_STREAM, _STREAM, _PROFILES),
        )
    },
    ("bedrock-runtime", "ApplyGuardrail"): ActionRule(
        lambda params, account: [
            RequiredPermission("bedrock:ApplyGuardrail", guardrail_arn(params, account))
        ],
        "on the guardrail",
        f"{_RUNTIME}ApplyGuardrail.html",
    ),
    ("bedrock", "CreateModelInvocationJob"): ActionRule(
        _create_invocation_job,
        "on the model and on jobs, with iam:PassRole on the job's role",
        f"{_DOCS}/bedrock/latest/userguide/batch-inference-permissions.html",
    ),
    ("bedrock", "CreateModelCustomizationJob"): ActionRule(
        _create_customisation_job,
        "on the base, on custom models and on jobs, with iam:PassRole on the job's role",
        f"{_DOCS}/service-authorization/latest/reference/list_bedrock.html",
    ),
    ("bedrock", "CreateModelImportJob"): ActionRule(
        _create_import_job,
        "on imported models and on jobs, with iam:PassRole on the job's role",
        f"{_DOCS}/service-authorization/latest/reference/list_bedrock.html",
    ),
}

"""Set and show which models a tenant may use.

    python -m infra.model_access --stage prod acme                         what it may use
    python -m infra.model_access --stage prod acme nova-micro nova-lite    these, and no others
    python -m infra.model_access --stage prod acme --all                   every model again

Names are those of `headrace models ls --served`. What is said holds from the next request on, for
generations, chats, prompts and batches; a batch that runs hears of it within seconds. What reads
documents and answers questions about them is the stage's own choice, and not held to it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Sequence
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.models import AllowedModelRecords
from chalicelib.errors import HeadraceError, NotFound
from chalicelib.generation.models import ServedModels
from infra import stages
from infra.models.added_models import AddedModelError, AddedModelStage


class AllowedModelStore(Protocol):
    """Storage of the models that a tenant may use, as `AllowedModelRecords` implements it."""

    def allowed(self, tenant: str) -> frozenset[str] | None:
        """Return the models that the tenant may use, or None if it may use all."""

    def allow(self, tenant: str, models: Collection[str]) -> None:
        """Restrict the tenant to these models."""

    def allow_all(self, tenant: str) -> None:
        """Let the tenant use every model."""

    def tenant_exists(self, tenant: str) -> bool:
        """Return whether the tenant exists and is not being removed."""


def set_allowed_models(
    records: AllowedModelStore,
    known: ServedModels,
    tenant: str,
    models: Sequence[str],
    *,
    every: bool,
) -> frozenset[str] | None:
    """Set the models that a tenant may use, if any are given, and return what it may use.

    Raises:
        NotFound: there is no such tenant or model, or the tenant is being removed.
    """
    if not records.tenant_exists(tenant):
        raise NotFound(f"There is no tenant {tenant}, or it is being removed.", field="tenant")
    if every:
        records.allow_all(tenant)
    elif models:
        records.allow(tenant, [known.model(name).name for name in models])
    return records.allowed(tenant)


def describe_allowed(allowed: frozenset[str] | None, known: ServedModels) -> list[str]:
    """Return the allowed models as text, one line per model."""
    if allowed is None:
        return ["Nothing was said; every model may be used."]
    gone = " (not served any more)"
    return [name + ("" if name in known.models else gone) for name in sorted(allowed)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Show or change which models a tenant may use."""
    parser = argparse.ArgumentParser(prog="python -m infra.model_access", description=main.__doc__)
    stages.add_options(parser)
    parser.add_argument("--all", action="store_true", help="every model again")
    parser.add_argument("tenant")
    parser.add_argument("models", nargs="*", metavar="MODEL", help="a model of the catalogue")
    chosen = parser.parse_args(arguments)
    if chosen.all and chosen.models:
        parser.error("give models, or --all")
    try:
        at = stages.connect(chosen.stage, chosen.cloud_file, chosen.region, chosen.profile)
        records = AllowedModelRecords(
            DynamoTable(at.client("dynamodb"), at.outputs["RecordsTableName"])
        )
        known = AddedModelStage(at).models().models
        allowed = set_allowed_models(records, known, chosen.tenant, chosen.models, every=chosen.all)
    except (ValueError, AddedModelError, HeadraceError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - what the operator has to know
        return 1
    for line in describe_allowed(allowed, known):
        print(line)  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

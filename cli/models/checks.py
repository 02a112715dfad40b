"""The command `models check`: the served models, by themselves and against Bedrock's list."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.failures import CommandError
from cli.models.listing import today
from cli.output import Output

if TYPE_CHECKING:
    from chalicelib.generation.model_checks import ModelFinding, ModelStanding

Clients = Callable[[str], Any]


class ListingError(CommandError):
    """Raised when Bedrock's list of models is not available."""


@dataclass(frozen=True, slots=True)
class CatalogueCheck:
    """Findings on models/served.json, on its models in a region, and on further models.

    `region` is empty if Bedrock was not asked.
    """

    own: tuple[ModelFinding, ...]
    region: str = ""
    standings: tuple[ModelStanding, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def is_wrong(self) -> bool:
        """Return whether something has to be fixed."""
        return any(one.kind == "fault" for one in self.own) or any(
            one.state == "missing" or one.text for one in self.standings
        )

    def as_fields(self) -> dict[str, object]:
        """Return the findings for programs."""
        return {
            "served": [
                {"kind": one.kind, "model": one.model, "text": one.text} for one in self.own
            ],
            "region": self.region,
            "bedrock": [
                {
                    "model": one.model,
                    "model_id": one.model_id,
                    "state": one.state,
                    "text": one.text,
                }
                for one in self.standings
            ],
            "others_on_bedrock": list(self.others),
        }

    def show(self, output: Output) -> None:
        """Print the findings for people."""
        output.table(
            ("what", "model", "says"), [(one.kind, one.model, one.text) for one in self.own]
        )
        if not self.region:
            return
        output.line()
        rows = [(one.model, one.state, one.model_id, one.text) for one in self.standings]
        output.table(("model", f"on Bedrock in {self.region}", "id", "says"), rows)
        if self.others:
            output.line(f"Bedrock also has: {', '.join(self.others)}.")


def by_itself() -> CatalogueCheck:
    """Return the findings on the file alone."""
    from chalicelib.generation.catalogue import catalogue
    from chalicelib.generation.model_checks import find_faults
    from chalicelib.generation.model_file import SERVED_FILE, served_models
    from chalicelib.generation.model_schema import validate_served_file

    validate_served_file(json.loads(SERVED_FILE.read_text(encoding="utf-8")))
    return CatalogueCheck(tuple(find_faults(served_models(), catalogue(), today())))


def beside_bedrock(
    held: CatalogueCheck,
    data_dir: Path,
    region: str | None,
    profile: str | None,
    given: Clients | None,
) -> CatalogueCheck:
    """Return `held` with the state of our models on Bedrock's list.

    The list is that of AWS if a region or profile is named, or no local cloud runs on `data_dir`. A
    caller within a program passes its own client factory.
    """
    from chalicelib.generation.model_checks import compare_with_bedrock, unserved_ids
    from chalicelib.generation.model_file import served_models
    from cli.stage.context import translate_operator_errors
    from infra import stages
    from infra.models.foundation_models import list_models

    with translate_operator_errors():
        local = None if region or profile else _local_clients(data_dir)
        bedrock = (given or local or stages.client_factory(region, profile))("bedrock")
        listed = list_models(bedrock)
    where = str(bedrock.meta.region_name)
    return replace(
        held,
        region=where,
        standings=compare_with_bedrock(
            served_models(), listed, where, today(), local=local is not None
        ),
        others=unserved_ids(served_models(), listed),
    )


def _local_clients(data_dir: Path) -> Clients | None:
    """Return the client factory of the local cloud that runs on `data_dir`, or None."""
    from cli.local.cloud import running_cloud
    from infra import stages

    if running_cloud(data_dir) is None:
        return None
    try:
        return stages.connect(None, data_dir / "cloud.json").client
    except ValueError as error:
        raise ListingError(str(error)) from error

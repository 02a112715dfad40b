"""Bedrock's model list, botocore's `bedrock`: what the local cloud answers for, and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from chalicelib.generation.catalogue import BedrockModel, Catalogue, catalogue
from localcloud.bedrock.conversation import invalid
from localcloud.service import Params, Result, Surroundings


class BedrockService:
    """ListFoundationModels and GetFoundationModel."""

    name = "bedrock"

    def __init__(
        self, surroundings: Surroundings, models_dir: Path, known: Catalogue | None = None
    ) -> None:
        """List the models whose stand-ins lie in `models_dir`."""
        self._region = surroundings.region
        self._models_dir = models_dir
        self._catalogue = known or catalogue()

    def start(self) -> None:
        """Do nothing: there is no work but requests."""

    def stop(self) -> None:
        """Do nothing: nothing was started."""

    def list_foundation_models(self, params: Params) -> Result:
        """List the models, narrowed as asked."""
        if "projectIdentifier" in params:
            raise invalid("The local cloud has no projects; leave out projectIdentifier.")
        shown = [
            self._shown(model) for model in self._catalogue.bedrock.values() if self._is_here(model)
        ]
        for name, holds in _NARROWED.items():
            if name in params:
                wanted = params[name]
                shown = [model for model in shown if holds(model, wanted)]
        return {"modelSummaries": shown}

    def get_foundation_model(self, params: Params) -> Result:
        """Describe one model, given by id or ARN."""
        if "projectIdentifier" in params:
            raise invalid("The local cloud has no projects; leave out projectIdentifier.")
        found = self._catalogue.bedrock_model(params["modelIdentifier"])
        if found is None or not self._is_here(found):
            raise invalid("The provided model identifier is invalid.")
        return {"modelDetails": self._shown(found)}

    def _is_here(self, model: BedrockModel) -> bool:
        local = self._catalogue.model(model.local)
        return all((self._models_dir / local.name / file.name).is_file() for file in local.files)

    def _shown(self, model: BedrockModel) -> dict[str, object]:
        chat = model.role == "chat"
        return {
            "modelArn": f"arn:aws:bedrock:{self._region}::foundation-model/{model.model_id}",
            "modelId": model.model_id,
            "modelName": model.name,
            "providerName": model.provider,
            "inputModalities": ["TEXT"],
            "outputModalities": ["TEXT" if chat else "EMBEDDING"],
            "responseStreamingSupported": chat,
            "customizationsSupported": [],
            "inferenceTypesSupported": ["ON_DEMAND"],
            "modelLifecycle": {"status": "ACTIVE"},
        }


_Shown = Mapping[str, object]
_NARROWED: Mapping[str, Callable[[_Shown, object], bool]] = {
    "byProvider": lambda model, wanted: str(model["providerName"]).lower() == str(wanted).lower(),
    "byOutputModality": lambda model, wanted: model["outputModalities"] == [wanted],
    "byInferenceType": lambda model, wanted: model["inferenceTypesSupported"] == [wanted],
    "byCustomizationType": lambda model, wanted: False,
}

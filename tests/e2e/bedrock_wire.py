"""The wire to the local Bedrock: faults put on it, and the calls that it wrote down."""

from __future__ import annotations

import json
from typing import Any

import httpx

from localcloud.faults import PATH as FAULTS
from localcloud.model_usage import FILE as USAGE
from tests.cloud import CloudProcess


class BedrockWire:
    """Faults, and the calls since this was made: tests of one cloud run one after another."""

    def __init__(self, cloud: CloudProcess) -> None:
        self._faults = f"{cloud.endpoint_url}{FAULTS}"
        self._log = cloud.data_dir / "bedrock" / USAGE
        self._before = 0
        self.forget()

    def fault(self, name: str, **what: Any) -> None:
        """Have calls fail or wait as the fault says, until `clear`."""
        answer = httpx.put(f"{self._faults}/{name}", json={"service": "bedrock-runtime", **what})
        assert answer.status_code == 200, answer.text

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults, each with how often it struck."""
        found: list[dict[str, Any]] = httpx.get(self._faults).json()["faults"]
        return found

    def clear(self) -> None:
        """Take every fault away."""
        httpx.delete(self._faults).raise_for_status()

    def forget(self) -> None:
        """Leave the calls up to now out of `calls` and `answered`."""
        self._before = len(self._lines())

    def calls(self) -> list[dict[str, Any]]:
        """Return the calls, oldest first, whatever became of them."""
        return [json.loads(line) for line in self._lines()[self._before :]]

    def answered(self) -> list[dict[str, Any]]:
        """Return the calls that were answered, oldest first."""
        return [call for call in self.calls() if call["outcome"] == "answered"]

    def _lines(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []

"""Verdicts of suites on versions of prompts, in the records table.

    TENANT#<tenant>   VERDICT#<prompt>#v000001#<suite>   the latest of a suite, by its hash

One expires 400 days after its evaluation, as the numbers of a removed prompt do.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from chalicelib.adapters.dynamodb import DynamoTable, Key, Put
from chalicelib.adapters.records.prompts import PromptTable
from chalicelib.adapters.records.writes import tenant_key, tenant_pk
from chalicelib.contracts.evaluations.verdicts import SuiteVerdict

VERDICTS_STAY = timedelta(days=400)
_VERDICT = "VERDICT#"
_HASH_CHARACTERS = 32


class VerdictTable:
    """Stores verdicts by tenant, prompt, version and suite."""

    def __init__(self, table: DynamoTable, now: Callable[[], datetime]) -> None:
        self._table = table
        self._now = now

    def verdict(self, tenant: str, prompt: str, version: int, sha256: str) -> SuiteVerdict | None:
        """Return the verdict of the suite with this hash on a version, or None."""
        item = self._table.get(_key(tenant, prompt, version, sha256))
        return None if item is None else SuiteVerdict.model_validate_json(item["verdict"])

    def labelled(self, tenant: str, prompt: str, sha256: str) -> SuiteVerdict | None:
        """Return the verdict on the version that a label of a prompt's suite points to, if any."""
        head = PromptTable(self._table).head(tenant, prompt)
        if head is None or head.suite is None or head.suite.sha256 != sha256:
            return None
        for label in head.suite.labels:
            if label in head.labels:
                return self.verdict(tenant, prompt, head.labels[label], sha256)
        return None

    def record(self, tenant: str, prompt: str, version: int, verdict: SuiteVerdict) -> None:
        """Keep a verdict on a version, in place of an earlier one."""
        pk, sk = _key(tenant, prompt, version, verdict.sha256)
        expires_at = int((self._now() + VERDICTS_STAY).timestamp())
        body = verdict.model_dump_json()
        self._table.put(Put({"pk": pk, "sk": sk, "verdict": body, "expires_at": expires_at}))

    def suite_required(self, tenant: str) -> bool:
        """Tell whether prompts of the tenant are labelled `production` only by a suite."""
        found = self._table.get(tenant_key(tenant))
        return bool(found and found.get("suites_required"))


def _key(tenant: str, prompt: str, version: int, sha256: str) -> Key:
    name = f"{_VERDICT}{prompt}#v{version:06d}#{sha256[:_HASH_CHARACTERS]}"
    return tenant_pk(tenant), name

"""Calibrations of extractors in the records table.

TENANT#<tenant>   CALIBRATION#<extractor>             the one that is used
TENANT#<tenant>   CALIBRATIONS#<extractor>#v000001    every version, which stays as it is
"""

from __future__ import annotations

from chalicelib.adapters.dynamodb import Delete, DynamoTable, Put, TransactionRefused, Write
from chalicelib.adapters.records.writes import ABSENT, tenant_pk, tenant_stays
from chalicelib.contracts.calibrations import ExtractorCalibration

_USED = "CALIBRATION#"
_VERSION = "CALIBRATIONS#"


class CalibrationTable:
    """Stores calibrations by tenant and extractor."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def newest(self, tenant: str, extractor: str) -> ExtractorCalibration | None:
        """Return the calibration that is used, or None."""
        return self._read(tenant, _USED + extractor)

    def version(self, tenant: str, extractor: str, number: int) -> ExtractorCalibration | None:
        """Return one version, or None."""
        return self._read(tenant, _version_key(extractor, number))

    def count(self, tenant: str, extractor: str) -> int:
        """Return how many versions there were."""
        prefix = f"{_VERSION}{extractor}#"
        return sum(1 for _ in self._table.query(tenant_pk(tenant), prefix, attributes=("sk",)))

    def add(self, tenant: str, added: ExtractorCalibration) -> bool:
        """Store the next version and have it used; return False if there is such a version."""
        pk, body = tenant_pk(tenant), added.model_dump_json()
        writes: list[Write] = [
            Put(
                {"pk": pk, "sk": _version_key(added.extractor, added.version), "body": body}, ABSENT
            ),
            Put({"pk": pk, "sk": _USED + added.extractor, "body": body}),
            tenant_stays(tenant),
        ]
        try:
            self._table.transact(writes)
        except TransactionRefused:
            return False
        return True

    def retire(self, tenant: str, extractor: str) -> None:
        """Have no calibration used any more; the versions stay."""
        self._table.delete(Delete((tenant_pk(tenant), _USED + extractor)))

    def _read(self, tenant: str, sk: str) -> ExtractorCalibration | None:
        item = self._table.get((tenant_pk(tenant), sk))
        return None if item is None else ExtractorCalibration.model_validate_json(item["body"])


def _version_key(extractor: str, number: int) -> str:
    return f"{_VERSION}{extractor}#v{number:06d}"

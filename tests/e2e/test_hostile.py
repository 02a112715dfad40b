"""Files that mean harm, uploaded among others: each ends by itself and harms no other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cloud import CloudProcess
from tests.data.formats.make_texts import HOSTILE
from tests.e2e.driving import Audit, settled, until, upload
from tests.e2e.tenants import Tenant, make_tenant

GOOD = {f"good/{n}.txt": f"Sluice {n} was painted in year {n} by crew {n}." for n in range(4)}
REFUSED = [
    "bomb.docx",
    "bomb.zip",
    "circular.pdf",
    "deep.html",
    "deep.rtf",
    "laughs.xlsx",
    "locked.docx",
    "macros.docx",
    "million-pages.pdf",
    "nul.csv",
    "program.txt",
    "traversal.zip",
]
READ = ["giant.pdf", "linked.docx", "script.html", "escaping.epub"]


@pytest.fixture
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    made = make_tenant(cloud, "hostile")
    yield made
    made.api.close()


@pytest.mark.timeout(240)
def test_hostile_files_should_be_refused_and_harm_no_other_document(
    cloud: CloudProcess, tenant: Tenant
) -> None:
    good = {path: upload(tenant.api, path, text.encode(), "a") for path, text in GOOD.items()}
    bad = {
        name: upload(tenant.api, name, (HOSTILE / name).read_bytes(), "a")
        for name in (*REFUSED, *READ)
    }
    nested = upload(tenant.api, "nested.zip", (HOSTILE / "nested.zip").read_bytes(), "a")
    for name, document_id in bad.items():
        document = settled(tenant.api, document_id)
        wanted = "rejected" if name in REFUSED else "ready"
        assert document["status"] == wanted, (name, document["reason"])
        assert len(document["reason"]) > 15 or name in READ
    assert settled(tenant.api, nested)["status"] == "ready"
    for number, document_id in enumerate(good.values()):
        assert settled(tenant.api, document_id)["status"] == "ready"
        query = {"query": f"Who painted sluice {number}?", "collection": "a", "limit": 3}
        hits = tenant.api.post("/v1/search", json=query).json()["hits"]
        assert document_id in [hit["document_id"] for hit in hits]
    told = tenant.api.get(f"/v1/documents/{good['good/0.txt']}").json()
    assert (told["status"], told["notices"]) == ("ready", [])
    audit = Audit(cloud)
    until(lambda: audit.places_taken() == 0, "places are still taken")
    deepest = "nested.zip/level-5.zip/level-4.zip/level-3.zip"

    def paths() -> set[str]:
        items = tenant.api.get("/v1/documents", params={"limit": 100}).json()["items"]
        return {item["path"] for item in items if item["status"] == "ready"}

    until(lambda: deepest in paths(), "the archives within the archive are not read")
    assert not [path for path in paths() if ".." in path or path.startswith(f"{deepest}/")]

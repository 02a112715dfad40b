"""Photographs go in as documents, and are found by words and by pictures."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cloud import CloudProcess
from tests.data.formats import make_pictures
from tests.e2e.driving import Audit, api_of, settled, until, upload

PICTURES = Path(__file__).parents[1] / "data" / "pictures"
COLLECTION = "pictures"
FILES = {
    "1.png": "chelsea.png",
    "2.webp": "coffee.webp",
    "3.jpg": "china.jpg",
    "4.gif": "horse.gif",
    "5.jpg": "camera.jpg",
}
"""By paths that tell nothing."""
NOTE = b"# Opening hours\n\nThe cafeteria serves espresso and tea from seven until noon.\n"


@pytest.fixture(scope="module")
def api(cloud: CloudProcess) -> Iterator[httpx.Client]:
    with api_of(cloud) as client:
        yield client


@pytest.fixture(scope="module")
def documents(api: httpx.Client) -> dict[str, dict[str, Any]]:
    ids = {
        path: upload(api, path, (PICTURES / name).read_bytes(), COLLECTION)
        for path, name in FILES.items()
    }
    ids["hours.md"] = upload(api, "hours.md", NOTE, COLLECTION)
    return {path: settled(api, document_id) for path, document_id in ids.items()}


def search(api: httpx.Client, **body: object) -> dict[str, Any]:
    answer = api.post("/v1/search", json={"collection": COLLECTION, **body})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def image(name: str) -> dict[str, str]:
    data = (PICTURES / name).read_bytes()
    return {"media_type": "image/jpeg", "data": base64.b64encode(data).decode()}


def test_a_picture_is_a_document_of_one_page_that_says_what_is_seen(
    documents: dict[str, dict[str, Any]],
) -> None:
    for path in FILES:
        document = documents[path]
        assert document["status"] == "ready", document["reason"]
        assert (document["pages"], document["chunks"]) == (1, 1)
        assert document["media_type"].startswith("image/")
        roles = {line["role"]: line for line in document["receipt"]["lines"]}
        steps = ["reading", "recognising", "labelling", "embedding", "indexing", "orchestration"]
        assert list(roles) == [*steps, "requests"]
        assert "No text was found on the picture." in document["notices"]
        assert (roles["labelling"]["model"], roles["labelling"]["images"]) == (
            "efficientnet-lite0",
            1,
        )
        assert document["receipt"]["transitions"] == 8


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("a cat", "1.png"),
        ("breakfast beverage", "2.webp"),
        ("an asian palace", "3.jpg"),
        ("a horse", "4.gif"),
        ("a photographer", "5.jpg"),
    ],
)
def test_words_find_pictures(
    api: httpx.Client, documents: dict[str, dict[str, Any]], query: str, path: str
) -> None:
    best = search(api, query=query, filter={"media_type": "image/*"})["hits"][0]
    assert best["path"] == path
    assert best["media_type"] == documents[path]["media_type"]
    assert best["labels"][0]["share"] == max(label["share"] for label in best["labels"])
    assert best["text"].startswith(f"Picture {path}: ")


def test_a_picture_finds_pictures_and_texts_and_says_what_it_shows(
    api: httpx.Client, documents: dict[str, dict[str, Any]]
) -> None:
    found = search(api, image=image("coffee.webp"))
    assert found["hits"][0]["path"] == "2.webp"
    assert found["hits"][0]["score"] == pytest.approx(1, abs=1e-4)
    assert "espresso" in found["seen"][0]["name"]
    roles = [line["role"] for line in found["receipt"]["lines"]]
    assert roles == ["picture labelling", "question embedding", "hybrid query", "requests"]
    assert {hit["path"] for hit in found["hits"]} == {*FILES, "hours.md"}
    texts = search(api, image=image("coffee.webp"), filter={"media_type": "text/markdown"})
    assert [hit["path"] for hit in texts["hits"]] == ["hours.md"]


def test_answers_rest_on_texts_and_never_on_what_is_seen(
    api: httpx.Client, documents: dict[str, dict[str, Any]]
) -> None:
    body = {"question": "When does the cafeteria serve espresso?", "collection": COLLECTION}
    answer = api.post("/v1/ask", json=body).json()
    assert {citation["path"] for citation in answer["citations"]} == {"hours.md"}
    only = body | {"filter": {"media_type": "image/*"}}
    assert not api.post("/v1/ask", json=only).json()["answered"]


def test_text_in_pictures_is_found_cited_and_marked_where_it_stands(api: httpx.Client) -> None:
    turned = make_pictures.drawn(make_pictures.INVOICE).rotate(90, expand=True)
    sent = {"scan.png": make_pictures.encoded(turned, "PNG"), "fax.tif": make_pictures.fax()}
    ids = {path: upload(api, path, data, "scans") for path, data in sent.items()}
    scan, fax = (settled(api, ids[path]) for path in sent)
    assert (scan["status"], fax["status"], fax["pages"]) == ("ready", "ready", 2), scan["reason"]
    assert fax["notices"][-1].startswith("The text of pages 1 and 2 was recognised")
    roles = {line["role"]: line for line in fax["receipt"]["lines"]}
    assert (roles["recognising"]["images"], fax["receipt"]["transitions"]) == (2, 9)
    assert "chunking" in roles

    for question, path, page, quote in (
        ("What does the impeller for pump 4 cost?", "scan.png", 1, "1,284.50"),
        ("Where does the spare key of the lock house hang?", "fax.tif", 2, "third pump"),
    ):
        body = {"question": question, "collection": "scans"}
        answer = api.post("/v1/ask", json=body).json()
        nearest = [each["citation"] for each in answer["nearest"]]
        citation = [*answer["citations"], *nearest][0]
        assert (citation["path"], citation["page"]) == (path, page)
        assert quote in citation["quote"]

    opened = f"/v1/documents/{scan['document_id']}/pages/1"
    page = api.get(opened, params={"words": "true"}).json()
    assert page["text"].startswith("Picture scan.png: ")
    assert (page["layout"]["width"], page["layout"]["height"]) == turned.size
    at = page["text"].index("1,284.50")
    (word,) = (w for w in page["layout"]["words"] if w["start"] <= at < w["end"])
    assert word["bottom"] - word["top"] > word["right"] - word["left"], "it lies on its side"
    image = api.get(opened + ".png", params={"highlight": f"{at}-{at + 8}"}, follow_redirects=False)
    assert (image.status_code, image.json()["highlighted"]) == (302, 1)


def test_a_damaged_picture_is_rejected_and_a_query_by_one_refused(
    api: httpx.Client, documents: dict[str, dict[str, Any]]
) -> None:
    cut = (PICTURES / "rocket.jpg").read_bytes()[:5_000]
    document = settled(api, upload(api, "cut.jpg", cut, COLLECTION))
    assert document["status"] == "rejected"
    assert "picture is damaged" in document["reason"]
    damaged = {"media_type": "image/jpeg", "data": base64.b64encode(cut).decode()}
    answer = api.post("/v1/search", json={"image": damaged})
    assert answer.status_code == 400
    assert "picture is damaged" in answer.json()["error"]["message"]


def test_pictures_in_an_archive_are_found_and_go_with_it(
    api: httpx.Client, cloud: CloudProcess
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("flower.jpg", (PICTURES / "flower.jpg").read_bytes())
    archived = upload(api, "holiday.zip", packed.getvalue(), "archived")
    settled(api, archived)

    def found() -> list[dict[str, Any]]:
        body = {"query": "a blossom", "collection": "archived", "filter": {"media_type": "image/*"}}
        hits: list[dict[str, Any]] = api.post("/v1/search", json=body).json()["hits"]
        return hits

    (flower,) = until(found, "the picture in the archive was not found")
    assert flower["path"] == "holiday.zip/flower.jpg"
    audit = Audit(cloud)
    assert len(audit.vectors_of(flower["document_id"])) == 1
    api.delete(f"/v1/documents/{archived}").raise_for_status()
    until(lambda: not audit.vectors_of(flower["document_id"]), "its vector stayed")

"""Pictures of a collection that names a served model, on a whole local cloud: found by that model's
vectors, by the version that answers now and by no other.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from chalicelib.contracts.serving import ServedVersion
from tests.cloud import CloudProcess
from tests.e2e.driving import settled, until, upload
from tests.e2e.serving import forget, serve
from tests.e2e.tenants import Tenant, make_tenant
from tests.exported_clip import clip_files, image_file, unit

MODEL = "emoji-clip"
GROUP = "headrace-local-clip-emoji"
COLLECTION = "colours"
COLOURS = {"1.png": (250, 10, 10), "2.png": (10, 250, 10), "3.png": (10, 10, 250)}
NOTE = b"# Paints\n\nThe barn was painted red in May, and its doors blue.\n"
ONLY_PICTURES = {"media_type": "image/*"}


@pytest.fixture(scope="module")
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    made = make_tenant(cloud, f"pictured-{secrets.token_hex(3)}")
    yield made
    made.api.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


def declare(tenant: Tenant, name: str, **declared: object) -> dict[str, Any]:
    answer = tenant.api.put(f"/v1/collections/{name}", json=declared)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def search(tenant: Tenant, collection: str = COLLECTION, **body: object) -> dict[str, Any]:
    answer = tenant.api.post("/v1/search", json={"collection": collection, **body})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def image(colour: tuple[int, int, int], side: int = 20) -> dict[str, str]:
    data = base64.b64encode(image_file(colour, "JPEG", side)).decode()
    return {"media_type": "image/jpeg", "data": data}


def paths(found: dict[str, Any]) -> list[str]:
    return [hit["path"] for hit in found["hits"]]


def roles(receipt: dict[str, Any]) -> list[str]:
    return [line["role"] for line in receipt["lines"]]


def of_pictures(tenant: Tenant) -> dict[str, set[str]]:
    """Return the keys of the vectors of each index of pictures."""
    return {name: keys for name, keys in tenant.indexes().items() if "-pictures." in name}


@pytest.fixture(scope="module")
def served(cloud: CloudProcess, folder: Path) -> ServedVersion:
    """The version that answers at first."""
    return serve(cloud, folder, MODEL, GROUP, clip_files())


@pytest.fixture(scope="module")
def documents(tenant: Tenant, served: ServedVersion) -> dict[str, dict[str, Any]]:
    """The documents of the collection, by their paths, once they are ready."""
    declare(tenant, COLLECTION, picture_model=MODEL, fields={"shade": "string"})
    ids = {
        path: upload(
            tenant.api, path, image_file(colour, side=16), COLLECTION, metadata={"shade": path[0]}
        )
        for path, colour in COLOURS.items()
    }
    ids["paints.md"] = upload(tenant.api, "paints.md", NOTE, COLLECTION)
    found = {path: settled(tenant.api, each) for path, each in ids.items()}
    assert {each["status"] for each in found.values()} == {"ready"}, found
    return found


def test_a_picture_should_go_into_the_index_of_its_collections_model(
    tenant: Tenant, served: ServedVersion, documents: dict[str, dict[str, Any]]
) -> None:
    for path in COLOURS:
        receipt = documents[path]["receipt"]
        assert roles(receipt) == [
            *("reading", "recognising", "picture embedding", "labelling"),
            *("embedding", "indexing", "orchestration", "requests"),
        ]
        (line,) = [each for each in receipt["lines"] if each["role"] == "picture embedding"]
        assert (line["model"], line["priced_as"], line["images"]) == (served.label, "lambda", 1)
        assert receipt["transitions"] == 9
    assert roles(documents["paints.md"]["receipt"])[:2] == ["reading", "chunking"]
    wanted = {
        f"{documents[path]['document_id']}/{documents[path]['version']}/000000" for path in COLOURS
    }
    assert of_pictures(tenant) == {f"{tenant.name}-pictures.{MODEL}.3": wanted}


def test_words_and_pictures_should_find_pictures_by_the_model(
    tenant: Tenant, served: ServedVersion, documents: dict[str, dict[str, Any]]
) -> None:
    for word, path in (("red", "1.png"), ("a green", "2.png"), ("very blue", "3.png")):
        found = search(tenant, query=word, filter=ONLY_PICTURES)
        assert paths(found)[0] == path
        assert len(found["hits"]) == len(COLOURS)
        told = found["hits"][0]["scores"]["picture"]
        assert (told["rank"], told["version"]) == (1, served.label)
        assert told["similarity"] > 0.9
        assert found["hits"][0]["labels"]
        assert roles(found["receipt"])[2:] == ["picture embedding", "picture query", "requests"]
        assert found["receipt"]["lines"][2]["model"] == served.label
    found = search(tenant, image=image((200, 30, 20)), filter=ONLY_PICTURES)
    assert paths(found)[0] == "1.png"
    assert found["seen"]
    assert found["notices"] == []


def test_texts_should_be_found_beside_pictures_and_filters_should_hold(
    tenant: Tenant, documents: dict[str, dict[str, Any]]
) -> None:
    found = search(tenant, query="red")
    assert set(paths(found)) == {*COLOURS, "paints.md"}
    assert paths(found)[:2] == ["paints.md", "1.png"]
    assert [hit["score"] for hit in found["hits"][:2]] == pytest.approx([1 / 61, 1 / 61])
    text, nearest = found["hits"][:2]
    assert (text["scores"]["picture"], nearest["scores"]["vector"]) == (None, None)
    assert roles(found["receipt"]) == [
        *("question embedding", "hybrid query"),
        *("picture embedding", "picture query", "requests"),
    ]
    assert paths(search(tenant, image=image((250, 0, 0))))[:2] == ["1.png", "paints.md"]
    shaded = search(tenant, query="red", filter={"metadata": {"shade": "3"}})
    assert paths(shaded) == ["3.png"]
    texts = search(tenant, query="red", filter={"media_type": "text/markdown"})
    assert (paths(texts), roles(texts["receipt"])) == (
        ["paints.md"],
        ["question embedding", "hybrid query", "requests"],
    )
    elsewhere = tenant.api.post("/v1/search", json={"query": "red", "filter": ONLY_PICTURES})
    assert {hit["scores"]["picture"] for hit in elsewhere.json()["hits"]} == {None}
    assert set(paths(elsewhere.json())) == set(COLOURS)


def test_what_the_model_cannot_read_should_be_looked_for_by_labels_with_a_notice(
    tenant: Tenant, documents: dict[str, dict[str, Any]]
) -> None:
    found = search(tenant, query="a very very very red barn door in may")
    assert set(paths(found)) == {*COLOURS, "paints.md"}
    (notice,) = found["notices"]
    assert "leave words out" in notice
    assert roles(found["receipt"]) == ["question embedding", "hybrid query", "requests"]
    answer = tenant.api.post(
        "/v1/search",
        json={"collection": COLLECTION, "image": {"media_type": "image/png", "data": "AAAA"}},
    )
    assert answer.status_code == 422, answer.text
    assert "is no picture that is read" in answer.json()["error"]["message"]


def test_a_collection_should_refuse_a_model_that_embeds_no_pictures(
    tenant: Tenant, documents: dict[str, dict[str, Any]]
) -> None:
    answer = tenant.api.put("/v1/collections/wrong", json={"picture_model": "shapes-captions"})
    assert answer.status_code == 400, answer.text
    assert "emoji-clip, shapes-clip" in answer.json()["error"]["message"]
    assert declare(tenant, "plain")["picture_model"] is None
    assert tenant.api.get(f"/v1/collections/{COLLECTION}").json()["picture_model"] == MODEL


def unserve(cloud: CloudProcess, name: str) -> None:
    """Have the stage serve no version of a model."""
    cloud.client("s3").delete_object(
        Bucket=cloud.outputs["DocumentsBucketName"], Key=f"models/serving/{name}.json"
    )
    forget(cloud, "embed-image")


def test_pictures_should_wait_for_a_version_and_never_mix_with_those_of_another(
    cloud: CloudProcess, folder: Path
) -> None:
    own = make_tenant(cloud, f"swaps-{secrets.token_hex(3)}")
    declare(own, COLLECTION, picture_model="shapes-clip")
    unserve(cloud, "shapes-clip")
    early = upload(own.api, "early.png", image_file((250, 0, 0)), COLLECTION)
    document = settled(own.api, early)
    assert document["status"] == "failed", document
    assert "models serve shapes-clip VERSION" in document["reason"]
    found = search(own, query="red")
    assert "models serve shapes-clip VERSION" in found["notices"][0]
    first = serve(cloud, folder, "shapes-clip", "headrace-local-clip", clip_files("clip"))
    own.api.post(f"/v1/documents/{early}/retry").raise_for_status()
    until(
        lambda: own.api.get(f"/v1/documents/{early}").json()["status"] == "ready",
        "the retried picture to be ready",
    )
    found = search(own, query="red")
    assert (paths(found), found["notices"]) == (["early.png"], [])
    assert found["hits"][0]["scores"]["picture"]["version"] == first.label
    second = serve(cloud, folder, "shapes-clip", "headrace-local-clip", clip_files("clip"))
    forget(cloud, "embed-image")
    found = search(own, query="red", filter=ONLY_PICTURES)
    assert found["hits"] == []
    (notice,) = found["notices"]
    assert second.label in notice
    late = upload(own.api, "late.png", image_file((240, 0, 30)), COLLECTION)
    assert settled(own.api, late)["status"] == "ready"
    found = search(own, query="red", filter=ONLY_PICTURES)
    assert (paths(found), found["notices"]) == (["late.png"], [notice])
    told = found["hits"][0]["scores"]["picture"]
    wanted = float(unit(1, -1, -1) @ unit(240 / 127.5 - 1, -1, 30 / 127.5 - 1))
    assert (told["version"], told["similarity"]) == (second.label, pytest.approx(wanted, abs=0.02))
    job = own.ended(own.job("POST", f"/v1/collections/{COLLECTION}/pictures"))
    assert (job["status"], job["counts"]["total"], job["counts"]["done"]) == ("succeeded", 2, 2)
    found = search(own, query="red", filter=ONLY_PICTURES)
    assert (paths(found), found["notices"]) == (["early.png", "late.png"], [])
    forget(cloud, "embed-image")  # for half a minute it would answer others by this version
    own.api.close()


def test_pictures_from_before_the_collection_named_its_model_should_be_embedded_by_a_job(
    cloud: CloudProcess, served: ServedVersion
) -> None:
    own = make_tenant(cloud, f"names-{secrets.token_hex(3)}")
    ids = [
        upload(own.api, path, image_file(colour), COLLECTION, metadata={"shade": path[0]})
        for path, colour in COLOURS.items()
    ]
    assert {settled(own.api, each)["status"] for each in ids} == {"ready"}
    answer = own.api.post(f"/v1/collections/{COLLECTION}/pictures")
    assert answer.status_code == 400, answer.text
    declare(own, COLLECTION, picture_model=MODEL)
    assert search(own, query="green", filter=ONLY_PICTURES)["hits"] == []
    job = own.ended(own.job("POST", f"/v1/collections/{COLLECTION}/pictures"))
    assert (job["kind"], job["status"], job["counts"]["done"]) == ("embed_pictures", "succeeded", 3)
    found = search(own, query="green", filter=ONLY_PICTURES)
    assert paths(found)[0] == "2.png"
    assert found["hits"][0]["labels"]
    shaded = search(own, query="green", filter={"metadata": {"shade": "1"}})
    assert paths(shaded) == ["1.png"]
    own.api.close()


def test_vectors_should_go_with_their_documents_and_indexes_with_their_tenant(
    cloud: CloudProcess, served: ServedVersion
) -> None:
    own = make_tenant(cloud, f"leaves-{secrets.token_hex(3)}")
    declare(own, COLLECTION, picture_model=MODEL)
    first = upload(own.api, "a.png", image_file((250, 0, 0)), COLLECTION)
    second = upload(own.api, "b.png", image_file((0, 250, 0)), COLLECTION)
    assert {settled(own.api, each)["status"] for each in (first, second)} == {"ready"}
    newer = image_file((0, 0, 250))
    upload(own.api, "b.png", newer, COLLECTION)

    def held() -> list[str]:
        (keys,) = of_pictures(own).values()
        return sorted(key.split("/")[0] for key in keys)

    until(lambda: settled(own.api, second)["sha256"] == sha256(newer).hexdigest(), "it is read")
    until(lambda: len(held()) == 2, "one vector a document")
    own.api.delete(f"/v1/documents/{first}").raise_for_status()
    until(lambda: held() == [second], "the vector of a document that was deleted stayed")
    own.ended(own.job("DELETE", f"/v1/collections/{COLLECTION}/documents"))
    assert held() == []
    assert own.left()
    own.job("DELETE", "/v1/tenant", {"tenant": own.name})
    until(lambda: not own.left(), f"something is left: {own.left()}")
    own.api.close()

"""`/v1/trainings`: their curves and cards, who may see them, and how much of a file is read."""

from __future__ import annotations

import pytest

from chalicelib.adapters.trainings import MAX_FILE_BYTES, card_key, progress_key
from tests.unit.api.fakes import KEY, OPERATOR_KEY, Api
from tests.unit.api.training_jobs import CARD, CURVES, GAN, VAE

PATHS = ("/v1/trainings", f"/v1/trainings/{VAE}", f"/v1/trainings/{VAE}/card")


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.mark.parametrize("path", PATHS)
def test_should_refuse_a_key_that_is_no_operators(api: Api, path: str) -> None:
    answer = api.call("GET", path, key=KEY)
    assert (answer.status_code, answer.json_body["error"]["type"]) == (403, "NotPermitted")


def test_should_list_trainings_of_the_stage_a_page_at_a_time(api: Api) -> None:
    path = "/v1/trainings?limit=2"
    first = api.call("GET", path, key=OPERATOR_KEY).json_body
    rest = api.call("GET", f"{path}&cursor={first['next_cursor']}", key=OPERATOR_KEY).json_body
    assert [[each["name"] for each in page["items"]] for page in (first, rest)] == [[VAE], [GAN]]
    assert rest["next_cursor"] is None
    refused = api.call("GET", f"{path}&cursor=x", key=OPERATOR_KEY)
    assert (refused.status_code, refused.json_body["error"]["field"]) == (400, "cursor")


def test_should_show_a_training_that_diverged_with_its_curves(api: Api) -> None:
    shown = api.call("GET", f"/v1/trainings/{GAN}", key=OPERATOR_KEY).json_body
    assert (shown["state"], shown["recipe"], shown["preset"]) == ("failed", "vae", "tiny")
    assert "loss is nan" in shown["training"]["reason"]
    assert shown["finishing"] is None
    assert shown["progress"]["state"] == "diverged"
    assert shown["progress"]["curves"] == CURVES.model_dump(mode="json")


def test_should_show_how_far_the_finishing_job_is(api: Api) -> None:
    shown = api.call("GET", f"/v1/trainings/{VAE}", key=OPERATOR_KEY).json_body
    assert shown["finishing"]["state"] == "running"
    assert shown["finishing"]["phase"] == "Downloading"
    assert shown["progress"] is None


def test_should_show_a_card_with_addresses_of_its_pictures(api: Api) -> None:
    shown = api.call("GET", PATHS[2], key=OPERATOR_KEY).json_body
    assert shown["card"] == CARD.model_dump(mode="json")
    url = f"http://s3/{card_key(VAE, 'samples.png')}"
    assert shown["pictures"] == [{"name": "samples.png", "url": url}]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/trainings/headrace-test-none",
        f"/v1/trainings/{VAE}-finish",
        "/v1/trainings/headrace-other-vae-1",
        f"/v1/trainings/{GAN}/card",
        "/v1/trainings/headrace-test-..%2F..%2Fother/card",
    ],
)
def test_should_not_find_what_is_not_there_or_of_another_stage(api: Api, path: str) -> None:
    answer = api.call("GET", path, key=OPERATOR_KEY)
    assert (answer.status_code, answer.json_body["error"]["field"]) == (404, "training")


def test_should_read_a_bounded_part_of_what_a_job_wrote(api: Api) -> None:
    api.training_jobs.files[progress_key(GAN)] += b" " * MAX_FILE_BYTES + b"}"
    assert api.call("GET", f"/v1/trainings/{GAN}", key=OPERATOR_KEY).status_code == 200
    api.training_jobs.files[progress_key(GAN)] = b"{"
    answer = api.call("GET", f"/v1/trainings/{GAN}", key=OPERATOR_KEY)
    assert answer.status_code == 404
    assert "cannot be read" in answer.json_body["error"]["message"]

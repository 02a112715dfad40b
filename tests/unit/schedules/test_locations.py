"""Where schedules of a tenant may read and write: no spelling leads to another tenant's objects."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidInput
from chalicelib.schedules.locations import S3Location, check_location, parse_grant

BUCKET = "stage-documents"
GRANTED = ("s3://files/acme/in/",)


def check(uri: str, *, writes: bool = False) -> S3Location:
    return check_location(uri, "acme", BUCKET, GRANTED, writes=writes)


@pytest.mark.parametrize(
    "uri",
    [
        f"s3://{BUCKET}/sources/acme/",
        f"s3://{BUCKET}/sources/acme/in.jsonl",
        f"s3://{BUCKET}/sources/acme/a b/ü/..x/in..jsonl",
        f"s3://{BUCKET}/results/acme/nightly/",
        "s3://files/acme/in/",
        "s3://files/acme/in/2026/%2e%2e/x",
    ],
)
def test_a_tenant_should_read_its_own_places_and_those_it_was_granted(uri: str) -> None:
    assert check(uri).uri == uri


def test_a_tenant_should_write_results_and_to_what_it_was_granted_but_not_to_sources() -> None:
    assert check(f"s3://{BUCKET}/results/acme/x", writes=True).folder == "results/acme/x/"
    assert check("s3://files/acme/in/out/", writes=True).folder == "acme/in/out/"
    with pytest.raises(InvalidInput, match=f"may write s3://{BUCKET}/results/acme/"):
        check(f"s3://{BUCKET}/sources/acme/x", writes=True)


@pytest.mark.parametrize(
    "uri",
    [
        # Another tenant, and what is next to the tenant's own.
        f"s3://{BUCKET}/sources/rival/",
        f"s3://{BUCKET}/results/rival/x",
        f"s3://{BUCKET}/sources/acme",
        f"s3://{BUCKET}/sources/acme2/",
        f"s3://{BUCKET}/sources/acme-eu/x",
        f"s3://{BUCKET}/Sources/acme/",
        f"s3://{BUCKET}/sources/",
        f"s3://{BUCKET}/",
        # What the stage keeps of every tenant, the own included.
        f"s3://{BUCKET}/documents/acme/",
        f"s3://{BUCKET}/inbox/acme/",
        f"s3://{BUCKET}/jobs/acme/",
        f"s3://{BUCKET}/feedback/acme/",
        f"s3://{BUCKET}/schedules/acme/",
        # Ways out of a prefix.
        f"s3://{BUCKET}/sources/acme/../rival/x",
        f"s3://{BUCKET}/sources/acme/..",
        f"s3://{BUCKET}/sources/acme/./x",
        f"s3://{BUCKET}/sources/acme//x",
        f"s3://{BUCKET}//sources/acme/x",
        f"s3://{BUCKET}/sources/acme//",
        f"s3://{BUCKET}/sources/acme/\\..\\rival",
        f"s3://{BUCKET}/sources/acme/${{aws:PrincipalTag/x}}",
        f"s3://{BUCKET}/sources/*/x",
        f"s3://{BUCKET}/sources/acme/*",
        f"s3://{BUCKET}/sources/acm?/x",
        f"s3://{BUCKET}/sources/acme/\n",
        f"s3://{BUCKET}/sources/acme/\x00",
        f"s3://{BUCKET}/sources/acme/\ud800",
        f"s3://{BUCKET}/sources/acme/{'ü' * 520}",
        # Other buckets, and other spellings of one.
        "s3://files/acme/in",
        "s3://files/acme/inner/x",
        "s3://files/acme/",
        "s3://files/",
        "s3://other/acme/in/x",
        "s3://other/sources/acme/x",
        f"s3://{BUCKET}.s3.amazonaws.com/sources/acme/",
        f"s3://{BUCKET.upper()}/sources/acme/",
        f"s3://arn:aws:s3:::{BUCKET}/sources/acme/",
        f"s3://{BUCKET}/../{BUCKET}/sources/acme/x",
        "s3:///sources/acme/x",
        "s3://sources..acme/x",
        # No address in S3 at all.
        f"S3://{BUCKET}/sources/acme/x",
        f" s3://{BUCKET}/sources/acme/x",
        f"https://{BUCKET}.s3.amazonaws.com/sources/acme/x",
        f"s3://{BUCKET}",
        f"{BUCKET}/sources/acme/x",
        "",
    ],
)
@pytest.mark.parametrize("writes", [False, True])
def test_no_other_place_should_be_reached(uri: str, writes: bool) -> None:
    with pytest.raises(InvalidInput) as caught:
        check(uri, writes=writes)
    assert caught.value.field == "uri"


_SEGMENTS = st.sampled_from(
    ["sources", "results", "inbox", "acme", "rival", "acme2", "..", ".", "", "*", "${x}", "a b"]
)


@given(st.lists(_SEGMENTS, max_size=6), st.booleans(), st.sampled_from([BUCKET, "files"]))
def test_whatever_is_allowed_should_begin_with_a_place_of_the_tenant(
    segments: list[str], writes: bool, bucket: str
) -> None:
    uri = f"s3://{bucket}/{'/'.join(segments)}"
    try:
        found = check(uri, writes=writes)
    except InvalidInput:
        return
    own = (f"s3://{BUCKET}/results/acme/", *GRANTED)
    assert found.uri.startswith(own if writes else (*own, f"s3://{BUCKET}/sources/acme/"))
    assert not {"..", ".", ""} & set(found.key.rstrip("/").split("/"))


def test_a_grant_should_be_a_folder_outside_the_stage_s_bucket() -> None:
    assert parse_grant("s3://files/acme", BUCKET).uri == "s3://files/acme/"
    assert parse_grant("s3://files/", BUCKET).uri == "s3://files/"
    for uri in (f"s3://{BUCKET}/inbox/rival/", "s3://files/a/../b", "s3://files", "files/a"):
        with pytest.raises(InvalidInput):
            parse_grant(uri, BUCKET)


def test_a_grant_of_a_whole_bucket_should_reach_nothing_beside_it() -> None:
    whole = ["s3://files/"]
    assert check_location("s3://files/x", "acme", BUCKET, whole, writes=True).key == "x"
    with pytest.raises(InvalidInput, match="an operator grants others"):
        check_location("s3://files2/x", "acme", BUCKET, whole, writes=True)
    with pytest.raises(InvalidInput):
        check_location(f"s3://{BUCKET}/inbox/rival/x", "acme", BUCKET, whole, writes=False)

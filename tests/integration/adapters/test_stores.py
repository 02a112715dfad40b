"""The adapters against the local cloud, as production code calls it."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.adapters.dynamodb import (
    Delete,
    DynamoTable,
    Put,
    TransactionRefused,
    Update,
    Value,
    Write,
    WriteCondition,
)
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.adapters.records.writes import COUNTER, tenant_key
from chalicelib.adapters.s3 import S3Objects
from chalicelib.adapters.s3vectors import Vectors
from chalicelib.contracts.indexes import IndexRef, Vector
from chalicelib.contracts.ingest import VectorMetadata
from chalicelib.errors import Conflict, NotFound
from chalicelib.jobs.ingest_claims import ClaimOutcome, IngestClaim, execution_arn
from tests.cloud import CloudProcess
from tests.unit.ingest.examples import MACHINE, NOW, work


@pytest.fixture
def name() -> str:
    """Return a name that no other test has."""
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def table(cloud: CloudProcess, name: str) -> DynamoTable:
    """Return an empty table of the records' shape."""
    cloud.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": part, "AttributeType": "S"} for part in ("pk", "sk")
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    return DynamoTable(cloud.client("dynamodb"), name)


@pytest.fixture
def bucket(cloud: CloudProcess, name: str) -> str:
    """Return an empty bucket that keeps versions."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def test_values_come_back_as_they_were(table: DynamoTable) -> None:
    item: dict[str, Value] = {
        "pk": "a",
        "sk": "b",
        "n": 3,
        "text": "é",
        "yes": True,
        "raw": b"\0\1",
        "nil": None,
    }
    table.put(Put(item))
    assert table.get(("a", "b")) == item
    assert table.get(("a", "c")) is None


def test_a_condition_that_does_not_hold_is_a_conflict(table: DynamoTable) -> None:
    absent = WriteCondition("attribute_not_exists(pk)")
    table.put(Put({"pk": "a", "sk": "b"}, absent))
    with pytest.raises(Conflict):
        table.put(Put({"pk": "a", "sk": "b"}, absent))
    with pytest.raises(Conflict):
        table.delete(Delete(("a", "x"), WriteCondition("attribute_exists(pk)")))


def test_a_transaction_says_which_conditions_did_not_hold_and_writes_nothing(
    table: DynamoTable,
) -> None:
    table.put(Put({"pk": "a", "sk": "1", "n": 1}))
    writes: list[Write] = [
        Put({"pk": "a", "sk": "2"}),
        Update(("a", "1"), "SET #n = :n", {":n": 2}, WriteCondition("#n = :old", {":old": 7})),
    ]
    with pytest.raises(TransactionRefused) as refused:
        table.transact(writes)
    assert refused.value.refused == {1}
    assert table.get(("a", "2")) is None


def test_a_query_goes_on_over_its_pages(table: DynamoTable) -> None:
    for n in range(25):
        table.put(Put({"pk": "a", "sk": f"X#{n:02}"}))
    table.put(Put({"pk": "a", "sk": "Y#1"}))
    found = [item["sk"] for item in table.query("a", "X#", limit=10)]
    assert found == [f"X#{n:02}" for n in range(25)]
    rest = [item["sk"] for item in table.query("a", "X#", after="X#21")]
    assert rest == ["X#22", "X#23", "X#24"]


@pytest.fixture
def records(table: DynamoTable) -> IngestTable:
    """Return the records of a stage that has the tenant of the examples."""
    pk, sk = tenant_key(work().tenant)
    table.put(Put({"pk": pk, "sk": sk}))
    return IngestTable(table)


def test_of_many_that_claim_one_version_one_gets_it(records: IngestTable) -> None:
    asked = work()
    claim = IngestClaim(asked, 1, execution_arn(MACHINE, f"{asked.version}-1"), NOW)
    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(lambda _: records.claim(claim, 20), range(32)))
    assert outcomes.count(ClaimOutcome.CLAIMED) == 1
    assert outcomes.count(ClaimOutcome.DUPLICATE) == 31


def test_no_more_are_admitted_than_there_are_places(
    table: DynamoTable, records: IngestTable
) -> None:
    def claim(n: int) -> ClaimOutcome:
        asked = work(key=f"inbox/acme/default/{n}.md")
        arn = execution_arn(MACHINE, f"{asked.version}-1")
        return records.claim(IngestClaim(asked, 1, arn, NOW), 5)

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(claim, range(32)))
    assert outcomes.count(ClaimOutcome.CLAIMED) == 5
    assert outcomes.count(ClaimOutcome.FULL) == 27
    counter = table.get(COUNTER)
    assert counter is not None
    assert counter["running"] == len(list(records.running())) == 5


def test_objects_are_written_read_copied_and_removed(cloud: CloudProcess, bucket: str) -> None:
    objects = S3Objects(cloud.client("s3"))
    first = cloud.client("s3").put_object(Bucket=bucket, Key="in/a b.txt", Body=b"one")
    cloud.client("s3").put_object(Bucket=bucket, Key="in/a b.txt", Body=b"two")
    assert objects.read(bucket, "in/a b.txt", first["VersionId"]) == b"one"
    assert objects.read(bucket, "in/a b.txt") == b"two"
    objects.copy(bucket, "in/a b.txt", first["VersionId"], "out/source")
    assert objects.read(bucket, "out/source") == b"one"
    objects.write(bucket, "out/lines", b"x", {"lines": "3"})
    assert objects.metadata(bucket, "out/lines") == {"lines": "3"}
    assert objects.delete_prefix(bucket, "out/") == 2
    for key in ("out/source", "out/lines"):
        with pytest.raises(NotFound):
            objects.read(bucket, key)
        with pytest.raises(NotFound):
            objects.metadata(bucket, key)
    assert objects.delete_prefix(bucket, "out/") == 0


def test_versions_of_an_object_are_removed_from_one_on(cloud: CloudProcess, name: str) -> None:
    client = cloud.client("s3")
    client.create_bucket(Bucket=name)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    objects = S3Objects(client)
    for body in (b"1", b"2", b"3"):
        objects.write(name, "in/a.txt", body, {})
    objects.write(name, "in/a.txt.bak", b"other", {})
    first, *_ = objects.versions_until(name, "in/a.txt")
    objects.write(name, "in/a.txt", b"4", {})
    last, *_ = objects.versions_until(name, "in/a.txt")
    for _ in range(2):
        objects.delete_version(name, "in/a.txt", last)
    newest, middle, oldest = objects.versions_until(name, "in/a.txt")
    assert newest == first
    assert objects.read(name, "in/a.txt", newest) == b"3"
    assert objects.versions_until(name, "in/a.txt", middle) == [middle, oldest]
    assert objects.delete_until(name, "in/a.txt", middle) == 2
    assert objects.versions_until(name, "in/a.txt") == [newest]
    assert objects.delete_until(name, "in/a.txt", middle) == 0
    assert objects.delete_until(name, "in/a.txt", "") == 0
    client.delete_object(Bucket=name, Key="in/a.txt")
    assert objects.delete_until(name, "in/a.txt", newest) == 1
    listed = client.list_object_versions(Bucket=name)
    assert [each["Key"] for each in listed["Versions"]] == ["in/a.txt.bak"]
    assert "DeleteMarkers" not in listed


def test_folders_are_removed_and_their_neighbours_stay(cloud: CloudProcess, name: str) -> None:
    client = cloud.client("s3")
    client.create_bucket(Bucket=name)
    objects = S3Objects(client)
    for key in ("d/v_1/source", "d/v_1/parts/1", "d/v_2/source", "d/v_10/source", "e/v_1/source"):
        objects.write(name, key, b"x", {})
    assert objects.delete_folders(name, "d/", {"v_1", "v_none"}) == 2
    left = [each["Key"] for each in client.list_objects_v2(Bucket=name)["Contents"]]
    assert left == ["d/v_10/source", "d/v_2/source", "e/v_1/source"]


def test_vectors_are_put_and_removed_in_calls_of_500(cloud: CloudProcess, name: str) -> None:
    client = cloud.client("s3vectors")
    client.create_vector_bucket(vectorBucketName=name)
    client.create_index(
        vectorBucketName=name,
        indexName="index",
        dataType="float32",
        dimension=2,
        distanceMetric="cosine",
    )
    index, vectors = IndexRef(name, "index", "m"), Vectors(client)
    metadata = VectorMetadata(
        document_id="d",
        version="v",
        collection="c",
        path="p",
        page=1,
        heading="",
        start=0,
        end=1,
        text="x",
    )
    put = [Vector(f"k/{n:06}", [1.0, n], metadata) for n in range(501)]
    assert vectors.put(index, put) == 501
    assert vectors.put(index, put[:1]) == 1
    vectors.delete(index, [vector.key for vector in put[:500]])
    left = client.list_vectors(vectorBucketName=name, indexName="index")["vectors"]
    assert [vector["key"] for vector in left] == ["k/000500"]
    with pytest.raises(NotFound):
        vectors.put(IndexRef(name, "missing", "m"), put[:1])

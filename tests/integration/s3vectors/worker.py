"""A process that puts, replaces, deletes and queries vectors until it is killed.

Before each write it says `try`, after it `done`, with the key and what it then holds.
"""

from __future__ import annotations

import sys
from pathlib import Path

from localcloud.s3vectors import S3VectorsService
from localcloud.service import CloudContext

WHERE = {"vectorBucketName": "library", "indexName": "shelf"}


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main(folder: str) -> None:
    service = S3VectorsService(CloudContext(Path(folder), "http://127.0.0.1:1"))
    service.create_vector_bucket({"vectorBucketName": "library"})
    service.create_index(
        {
            **WHERE,
            "dataType": "float32",
            "dimension": 2,
            "distanceMetric": "cosine",
            "metadataConfiguration": {"textSearchConfigurations": [{"metadataKey": "text"}]},
        }
    )
    number = 0
    while True:
        number += 1
        key = f"k{number % 50}"
        if number % 7 == 0:
            say("try", key, 0)
            service.delete_vectors({**WHERE, "keys": [key]})
            say("done", key, 0)
            continue
        say("try", key, number)
        vector = {
            "key": key,
            "data": {"float32": [1.0, float(number)]},
            "metadata": {"n": number, "text": f"word{number}"},
        }
        service.put_vectors({**WHERE, "vectors": [vector]})
        say("done", key, number)
        if number % 5 == 0:
            service.query_vectors({**WHERE, "topK": 3, "queryVector": {"float32": [1.0, 1.0]}})


if __name__ == "__main__":
    main(sys.argv[1])

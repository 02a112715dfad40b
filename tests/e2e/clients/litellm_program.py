"""LiteLLM as its own guide uses it: the API as OpenAI's, and the local Bedrock through Converse.

https://docs.litellm.ai/docs/providers/openai_compatible
https://docs.litellm.ai/docs/providers/bedrock
"""

import json
import sys
from typing import Any

import litellm

api, key, endpoint = sys.argv[1:]
asked = [{"role": "user", "content": "Say hello."}]
here = {"api_base": api, "api_key": key, "num_retries": 0}
bedrock = {"aws_bedrock_runtime_endpoint": endpoint, "aws_region_name": "us-east-1"}

whole = litellm.completion(
    model="openai/nova-micro", messages=asked, max_tokens=8, temperature=0, **here
)
pieces = list(
    litellm.completion(
        model="openai/nova-micro", messages=asked, max_tokens=8, temperature=0, stream=True, **here
    )
)
response = litellm.responses(
    model="openai/nova-micro", input="Say hello.", max_output_tokens=8, temperature=0, **here
)
vectors = litellm.embedding(model="openai/minilm-l6-v2", input=["a turbine", "a weir"], **here)
try:
    litellm.completion(model="openai/nobody", messages=asked, **here)
    refused = ""
except litellm.NotFoundError as error:
    refused = str(error)
converse = litellm.completion(
    model="bedrock/converse/amazon.nova-micro-v1:0",
    messages=asked,
    max_tokens=8,
    temperature=0,
    **bedrock,
)
converse_pieces = list(
    litellm.completion(
        model="bedrock/converse/amazon.nova-micro-v1:0",
        messages=asked,
        max_tokens=8,
        temperature=0,
        stream=True,
        **bedrock,
    )
)


def texts(chunks: list[Any]) -> list[str]:
    """What the pieces of a stream say."""
    return [piece.choices[0].delta.content for piece in chunks if piece.choices[0].delta.content]


json.dump(
    {
        "whole": whole.choices[0].message.content,
        "tokens": whole.usage.total_tokens,
        "streamed": "".join(texts(pieces)),
        "pieces": len(texts(pieces)),
        "responses": response.output[0].content[0].text,
        "dimensions": [len(each["embedding"]) for each in vectors.data],
        "refused": refused,
        "converse": converse.choices[0].message.content,
        "converse pieces": len(texts(converse_pieces)),
    },
    sys.stdout,
)

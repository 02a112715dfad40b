"""LangChain as its own guide uses it: the API as OpenAI's, and the local Bedrock through boto3.

https://python.langchain.com/docs/integrations/chat/openai/
https://python.langchain.com/docs/integrations/chat/bedrock/
"""

import json
import sys

from langchain_aws import BedrockEmbeddings, ChatBedrockConverse
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

api, key, endpoint = sys.argv[1:]
asked = [SystemMessage("You answer briefly."), HumanMessage("Say hello.")]


weather = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tell the weather of a town.",
        "parameters": {"type": "object", "properties": {"town": {"type": "string"}}},
    },
}
chat = ChatOpenAI(
    model="nova-micro", base_url=api, api_key=key, max_tokens=8, temperature=0, max_retries=0
)
whole = chat.invoke(asked)
pieces = list(chat.stream(asked))
responses = ChatOpenAI(
    model="nova-micro",
    base_url=api,
    api_key=key,
    max_tokens=8,
    temperature=0,
    max_retries=0,
    use_responses_api=True,
)
bound = chat.bind_tools([weather])
conversation = bound.invoke(asked)
vectors = OpenAIEmbeddings(
    model="minilm-l6-v2", base_url=api, api_key=key, check_embedding_ctx_length=False
).embed_documents(["a turbine", "a weir"])

direct = ChatBedrockConverse(
    model="amazon.nova-micro-v1:0",
    region_name="us-east-1",
    endpoint_url=endpoint,
    max_tokens=8,
    temperature=0,
)
converse = direct.invoke(asked)
converse_pieces = list(direct.stream(asked))
titan = BedrockEmbeddings(
    model_id="amazon.titan-embed-text-v2:0", region_name="us-east-1", endpoint_url=endpoint
)

json.dump(
    {
        "whole": whole.text,
        "usage": whole.usage_metadata,
        "finish": whole.response_metadata["finish_reason"],
        "streamed": "".join(piece.text for piece in pieces),
        "pieces": len([piece for piece in pieces if piece.text]),
        "responses": responses.invoke(asked).text,
        "with tools": conversation.text or [call["name"] for call in conversation.tool_calls],
        "dimensions": [len(vector) for vector in vectors],
        "converse": converse.text,
        "converse usage": converse.usage_metadata,
        "converse pieces": len([piece for piece in converse_pieces if piece.text]),
        "titan dimensions": len(titan.embed_query("a turbine")),
    },
    sys.stdout,
)

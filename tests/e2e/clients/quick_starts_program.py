"""One call of each client's own quick start, with only address, key and names of models changed.

https://python.langchain.com/docs/integrations/chat/openai/
https://docs.litellm.ai/docs/providers/openai_compatible
https://python.useinstructor.com/
https://ai.pydantic.dev/models/openai/
https://openai.github.io/openai-agents-python/quickstart/
https://docs.llamaindex.ai/en/stable/examples/llm/openai/
"""

import json
import os
import sys
from typing import Any

import instructor
import litellm
from agents import Agent, Runner, set_tracing_disabled
from langchain_openai import ChatOpenAI
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai import OpenAI as LlamaIndexOpenAI
from openai import OpenAI
from pydantic import BaseModel
from pydantic_ai import Agent as PydanticAgent

api, key, _ = sys.argv[1:]
os.environ |= {"OPENAI_BASE_URL": api, "OPENAI_API_BASE": api, "OPENAI_API_KEY": key}

asked = "What does a turbine do? Answer in one sentence."


class Person(BaseModel):
    """The object that instructor and pydantic-ai are to extract."""

    name: str
    age: int


def by_openai() -> Any:
    client = OpenAI()
    messages: Any = [{"role": "user", "content": asked}]
    answer = client.chat.completions.create(model="gpt-4o-mini", messages=messages, max_tokens=12)
    return answer.choices[0].message.content


def by_langchain() -> Any:
    return ChatOpenAI(model="gpt-4o-mini", max_tokens=12).invoke(asked).text


def by_litellm() -> Any:
    messages: Any = [{"role": "user", "content": asked}]
    answer = litellm.completion(model="openai/gpt-4o-mini", messages=messages, max_tokens=12)
    return answer.choices[0].message.content


def by_instructor() -> Any:
    client = instructor.from_openai(OpenAI())
    person = client.chat.completions.create(
        model="gpt-4o-mini",
        response_model=Person,
        messages=[{"role": "user", "content": "Extract: Jason is 25 years old."}],
        max_tokens=60,
    )
    return person.model_dump()


def by_pydantic_ai() -> Any:
    agent = PydanticAgent("openai-chat:gpt-4o-mini", output_type=Person, retries=1)
    found = agent.run_sync("Jason is 25 years old.", model_settings={"max_tokens": 60})
    return found.output.model_dump()


def by_openai_agents() -> Any:
    set_tracing_disabled(True)
    agent = Agent(name="Assistant", instructions="You answer briefly.", model="gpt-4o-mini")
    return Runner.run_sync(agent, asked).final_output


def by_llama_index() -> Any:
    return LlamaIndexOpenAI(model="gpt-4o-mini", max_tokens=12).complete(asked).text


def by_llama_index_vectors() -> Any:
    vectors = OpenAIEmbedding(model="text-embedding-3-small", api_base=api)
    return len(vectors.get_text_embedding("a turbine"))


starts = {
    "openai": by_openai,
    "langchain": by_langchain,
    "litellm": by_litellm,
    "instructor": by_instructor,
    "pydantic-ai": by_pydantic_ai,
    "openai-agents": by_openai_agents,
    "llama-index": by_llama_index,
    "llama-index vectors": by_llama_index_vectors,
}
json.dump({name: start() for name, start in starts.items()}, sys.stdout)

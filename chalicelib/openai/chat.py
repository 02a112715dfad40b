"""Conversion of a chat completion request into a model call.

https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chalicelib.contracts.generations import (
    MAX_STOPS,
    ChatCall,
    JsonOutput,
    Part,
    Terms,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
)
from chalicelib.contracts.openai.chat import (
    AssistantMessage,
    ChatCompletionRequest,
    ChatMessage,
    ChatTool,
    Content,
    ContentPart,
    ImageContent,
    InstructionMessage,
    NamedTool,
    RefusalContent,
    ResponseFormat,
    TextContent,
    ToolMessage,
    UserMessage,
)
from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.openai.turns import (
    DEFAULT_MAX_TOKENS,
    Role,
    function_tool,
    join_texts,
    json_output,
    merge_turns,
    parse_image_url,
    refuse_unsupported,
    request_terms,
    tool_choice,
)

_ALTERNATIVES = {
    "functions": "use tools instead",
    "function_call": "use tool_choice instead",
    "n": "use several requests instead",
}


def chat_call(request: ChatCompletionRequest) -> ChatCall:
    """Return the call that `request` asks for.

    Raises:
        InvalidInput: The conversation is malformed.
        Unsupported: The request has a field that is not supported, which is named.
    """
    _refuse_unsupported_fields(request)
    limit = request.max_completion_tokens or request.max_tokens or DEFAULT_MAX_TOKENS
    tools = tuple(_tool(tool, n) for n, tool in enumerate(request.tools or ()))
    return ChatCall(
        system="\n\n".join(_instructions(request.messages)),
        messages=tuple(merge_turns(_messages(request.messages), "messages")),
        tools=tools,
        tool_choice=_choice(request, tools),
        parallel_tool_calls=request.parallel_tool_calls is not False,
        json_output=_json_output(request.response_format),
        max_tokens=limit,
        temperature=request.temperature,
        top_p=request.top_p or None,
        stop=_stops(request.stop),
        seed=request.seed,
    )


def terms(request: ChatCompletionRequest) -> Terms:
    """Return the terms of `request`: the model that it names, or `auto` for the cheapest.

    A `seed` that a model leaves out would look as if it had an effect, so a model has to honour it.
    """
    required = () if request.seed is None else ("seed",)
    found = request_terms(request.model, request.service_tier, request.headrace)
    return found.model_copy(update={"required_parameters": required})


def _refuse_unsupported_fields(request: ChatCompletionRequest) -> None:
    refuse_unsupported(
        {
            "n": request.n not in {None, 1},
            "logprobs": bool(request.logprobs),
            "top_logprobs": bool(request.top_logprobs),
            "logit_bias": bool(request.logit_bias),
            "frequency_penalty": bool(request.frequency_penalty),
            "presence_penalty": bool(request.presence_penalty),
            "modalities": request.modalities not in {None, ("text",)},
            "functions": request.functions is not None,
            "function_call": request.function_call is not None,
        },
        _ALTERNATIVES,
    )


def _instructions(messages: Sequence[ChatMessage]) -> Iterator[str]:
    for n, message in enumerate(messages):
        if isinstance(message, InstructionMessage):
            yield _text(message.content, f"messages.{n}.content")


def _messages(messages: Sequence[ChatMessage]) -> Iterator[tuple[Role, list[Part]]]:
    for n, message in enumerate(messages):
        if not isinstance(message, InstructionMessage):
            assistant = isinstance(message, AssistantMessage)
            yield "assistant" if assistant else "user", _parts(message, f"messages.{n}")


def _parts(message: UserMessage | AssistantMessage | ToolMessage, field: str) -> list[Part]:
    if isinstance(message, ToolMessage):
        text = _text(message.content, f"{field}.content")
        return [ToolResult(id=message.tool_call_id, text=text)]
    parts: list[Part] = []
    if message.content:
        parts += _content(message.content, f"{field}.content")
    if isinstance(message, AssistantMessage):
        if message.refusal:
            parts.append(TextPart(text=message.refusal))
        parts += [
            ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments)
            for call in message.tool_calls or ()
        ]
    if not parts:
        raise InvalidInput(f"{field} is empty; give it content.", field=field)
    return parts


def _content(content: Content, field: str) -> list[Part]:
    if isinstance(content, str):
        return [TextPart(text=content)]
    return [_part(part, f"{field}.{n}") for n, part in enumerate(content)]


def _part(part: ContentPart, field: str) -> Part:
    match part:
        case TextContent():
            return TextPart(text=part.text)
        case RefusalContent():
            return TextPart(text=part.refusal)
        case ImageContent():
            return parse_image_url(part.image_url.url, f"{field}.image_url.url")
        case _:
            raise Unsupported(
                f"Content of type {part.type} is not supported; send text or image_url.",
                field=f"{field}.type",
            )


def _text(content: Content, field: str) -> str:
    return join_texts(_content(content, field) if content else (), field)


def _tool(tool: ChatTool, n: int) -> Tool:
    field = f"tools.{n}"
    if tool.type != "function" or tool.function is None:
        raise Unsupported(
            f"Tools of type {tool.type} are not supported; give functions.", field=f"{field}.type"
        )
    given = tool.function
    return function_tool(given.name, given.description, given.parameters, f"{field}.function.name")


def _choice(request: ChatCompletionRequest, tools: Sequence[Tool]) -> str:
    choice = request.tool_choice
    if isinstance(choice, NamedTool):
        return tool_choice(choice.function.name, tools, named=True)
    return tool_choice(choice, tools, named=False)


def _json_output(wanted: ResponseFormat | None) -> JsonOutput | None:
    if wanted is None:
        return None
    given = wanted.json_schema
    return json_output(
        wanted.type,
        given.name if given else None,
        given.schema_ if given else None,
        "response_format.json_schema",
    )


def _stops(stop: str | Sequence[str] | None) -> tuple[str, ...]:
    stops = (stop,) if isinstance(stop, str) else tuple(stop or ())
    if len(stops) > MAX_STOPS:
        raise InvalidInput(f"stop takes {MAX_STOPS} at most.", field="stop", limit=str(MAX_STOPS))
    if not all(stops):
        raise InvalidInput("stop must not hold an empty text.", field="stop")
    return stops

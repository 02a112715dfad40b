"""Conversion of a request of the Responses API into a model call.

https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chalicelib.contracts.generations import (
    ChatCall,
    JsonOutput,
    Part,
    Terms,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
)
from chalicelib.contracts.openai.responses import (
    InputContent,
    InputContents,
    InputFunctionCall,
    InputFunctionOutput,
    InputImage,
    InputItem,
    InputMessage,
    InputRefusal,
    InputText,
    NamedResponseTool,
    ResponseRequest,
    ResponseTool,
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

_INSTRUCTION_ROLES = ("system", "developer")
_SEND_ALL = "nothing is stored here, so send the whole conversation as input"
_ALTERNATIVES = {
    "previous_response_id": _SEND_ALL,
    "conversation": _SEND_ALL,
    "store": "nothing is stored here; leave it out, or say false",
    "background": "use a batch instead",
    "prompt": "send what it stands for",
    "truncation": "leave it out, or say disabled, and send less",
}


def chat_call(request: ResponseRequest) -> ChatCall:
    """Return the call that `request` asks for.

    Raises:
        InvalidInput: The conversation is malformed.
        Unsupported: The request has a field that is not supported, which is named.
    """
    _refuse_unsupported_fields(request)
    items = request.input
    if isinstance(items, str):
        items = (InputMessage(role="user", content=items),)
    tools = tuple(_tool(tool, n) for n, tool in enumerate(request.tools or ()))
    instructions = (request.instructions, *_instructions(items))
    return ChatCall(
        system="\n\n".join(text for text in instructions if text),
        messages=tuple(merge_turns(_messages(items), "input")),
        tools=tools,
        tool_choice=_choice(request, tools),
        parallel_tool_calls=request.parallel_tool_calls is not False,
        json_output=_json_output(request),
        max_tokens=request.max_output_tokens or DEFAULT_MAX_TOKENS,
        temperature=request.temperature,
        top_p=request.top_p or None,
    )


def terms(request: ResponseRequest) -> Terms:
    """Return the terms of `request`: the model that it names, or `auto` for the cheapest."""
    return request_terms(request.model, request.service_tier, request.headrace)


def _refuse_unsupported_fields(request: ResponseRequest) -> None:
    refuse_unsupported(
        {
            "previous_response_id": request.previous_response_id is not None,
            "conversation": request.conversation is not None,
            "store": request.store is True,
            "background": request.background is True,
            "prompt": request.prompt is not None,
            "include": bool(request.include),
            "reasoning": any((request.reasoning or {}).values()),
            "truncation": request.truncation not in {None, "disabled"},
            "top_logprobs": bool(request.top_logprobs),
        },
        _ALTERNATIVES,
    )


def _instructions(items: Sequence[InputItem]) -> Iterator[str]:
    for n, item in enumerate(items):
        if isinstance(item, InputMessage) and item.role in _INSTRUCTION_ROLES:
            field = f"input.{n}.content"
            yield join_texts(_contents(item.content, field), field)


def _messages(items: Sequence[InputItem]) -> Iterator[tuple[Role, list[Part]]]:
    for n, item in enumerate(items):
        field = f"input.{n}"
        match item:
            case InputMessage():
                if item.role not in _INSTRUCTION_ROLES:
                    role: Role = "assistant" if item.role == "assistant" else "user"
                    yield role, _contents(item.content, f"{field}.content")
            case InputFunctionCall():
                call = ToolCall(id=item.call_id, name=item.name, arguments=item.arguments)
                yield "assistant", [call]
            case InputFunctionOutput():
                output_field = f"{field}.output"
                text = (
                    join_texts(_contents(item.output, output_field), output_field)
                    if item.output
                    else ""
                )
                yield "user", [ToolResult(id=item.call_id, text=text)]
            case _:
                raise Unsupported(
                    f"Items of type {item.type} are not supported; send message, function_call"
                    " or function_call_output.",
                    field=f"{field}.type",
                )


def _contents(contents: InputContents, field: str) -> list[Part]:
    if not contents:
        raise InvalidInput(f"{field} is empty; give it content.", field=field)
    if isinstance(contents, str):
        return [TextPart(text=contents)]
    return [_part(part, f"{field}.{n}") for n, part in enumerate(contents)]


def _part(part: InputContent, field: str) -> Part:
    match part:
        case InputText():
            return TextPart(text=part.text)
        case InputRefusal():
            return TextPart(text=part.refusal)
        case InputImage():
            if part.image_url is None:
                raise Unsupported(
                    "A picture by its file is not supported; send it as image_url.",
                    field=f"{field}.file_id",
                )
            return parse_image_url(part.image_url, f"{field}.image_url")
        case _:
            raise Unsupported(
                f"Content of type {part.type} is not supported; send input_text or input_image.",
                field=f"{field}.type",
            )


def _tool(tool: ResponseTool, n: int) -> Tool:
    if tool.type != "function" or tool.name is None:
        raise Unsupported(
            f"Tools of type {tool.type} are not supported; give functions with their names.",
            field=f"tools.{n}.type",
        )
    return function_tool(tool.name, tool.description, tool.parameters, f"tools.{n}.name")


def _choice(request: ResponseRequest, tools: Sequence[Tool]) -> str:
    choice = request.tool_choice
    if isinstance(choice, NamedResponseTool):
        return tool_choice(choice.name, tools, named=True)
    return tool_choice(choice, tools, named=False)


def _json_output(request: ResponseRequest) -> JsonOutput | None:
    wanted = request.text.format if request.text is not None else None
    if wanted is None:
        return None
    return json_output(wanted.type, wanted.name, wanted.schema_, "text.format.schema")

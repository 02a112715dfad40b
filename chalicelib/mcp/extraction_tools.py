"""Tools that extract values from documents, and correct them by a review."""

from __future__ import annotations

from chalicelib.mcp.api_calls import ApiCaller
from chalicelib.mcp.model_tools import JOB, job_output
from chalicelib.mcp.tool import (
    ACCEPTED,
    PAGING,
    Arguments,
    McpTool,
    ToolArgument,
    ToolOutput,
    ToolRoute,
    route_call,
    whole_output,
)

_EXTRACTION_ID = ToolArgument("extraction_id", "The extraction's id.", required=True)
_REVIEWER = ToolArgument(
    "reviewer", "Who reviews: a name under the key, the same for a claim and its edits."
)


def extract(
    tool: McpTool, arguments: Arguments, api: ApiCaller, idempotency_key: str
) -> ToolOutput:
    """Extract now from one short document, or begin a job."""
    done, begun = tool.routes
    response = api.call(route_call(done, arguments, idempotency_key))
    if response.status == ACCEPTED:
        return job_output(response.body, done.key)
    output = whole_output(response.body)
    return ToolOutput({done.key: output.structured, begun.key: None}, receipt=output.receipt)


EXTRACTION_TOOLS: tuple[McpTool, ...] = (
    McpTool(
        name="extract",
        title="Extract values",
        description="Read values from documents by a JSON Schema or a saved extractor, each with"
        " the words that it was read from and how likely it is right. One short document is"
        " answered at once; everything else is a job.",
        routes=(
            ToolRoute("POST", "/v1/extractions", key="extraction"),
            ToolRoute("POST", "/v1/extractions", ACCEPTED, JOB),
        ),
        arguments=(
            ToolArgument(
                "json_schema",
                "The JSON Schema of the values; or give an extractor.",
                {"type": "object"},
            ),
            ToolArgument("extractor", "A saved extractor by its name."),
            ToolArgument("extractors", "Saved extractors, of which the one that fits is taken."),
            ToolArgument("document_ids", "The documents; or give a collection."),
            ToolArgument("collection", "A collection, whose documents are all read."),
            ToolArgument("split", "Whether each document is a packet of several."),
            ToolArgument("background", "Whether to begin a job in any case."),
        ),
        run=extract,
    ),
    McpTool(
        name="get_extraction",
        title="Show an extraction",
        description="Show an extraction: its values, and its fields with their evidence.",
        routes=(ToolRoute("GET", "/v1/extractions/{extraction_id}"),),
        arguments=(_EXTRACTION_ID,),
        read_only=True,
    ),
    McpTool(
        name="list_extractions",
        title="List extractions",
        description="List extractions, also those of one document or one job. A page may hold fewer"
        " than limit, even none, and go on behind its cursor.",
        routes=(ToolRoute("GET", "/v1/extractions"),),
        arguments=(
            ToolArgument("document_id", "Only extractions of this document."),
            ToolArgument("job_id", "Only extractions of this job."),
            ToolArgument("status", "Only extractions with this status."),
            ToolArgument("order", "newest lists the newest first."),
            *PAGING,
        ),
        read_only=True,
    ),
    McpTool(
        name="list_extracted_fields",
        title="List the fields of an extraction",
        description="List all fields of an extraction with their evidence, of which get_extraction"
        " has the first 500.",
        routes=(ToolRoute("GET", "/v1/extractions/{extraction_id}/fields"),),
        arguments=(_EXTRACTION_ID, *PAGING),
        read_only=True,
    ),
    McpTool(
        name="list_extractors",
        title="List saved extractors",
        description="List saved extractors, by whose names extract reads documents.",
        routes=(ToolRoute("GET", "/v1/extractors"),),
        arguments=PAGING,
        read_only=True,
    ),
    McpTool(
        name="list_reviews",
        title="List extractions that wait for a review",
        description="List extractions that are partial or doubtful, the least certain first.",
        routes=(ToolRoute("GET", "/v1/reviews"),),
        arguments=PAGING,
        read_only=True,
    ),
    McpTool(
        name="claim_review",
        title="Claim an extraction to review",
        description="Take one extraction to correct it, by its id or the least certain one, so that"
        " nobody else changes it for 30 minutes. put_review takes the claim_id that is returned.",
        routes=(ToolRoute("POST", "/v1/reviews/claims"),),
        arguments=(
            ToolArgument("extraction_id", "The extraction to take, also one that is complete."),
            ToolArgument("collection", "Only extractions of documents of this collection."),
            ToolArgument("minutes", "How long the claim lasts."),
            ToolArgument("eyes", "How many reviewers have to approve."),
            _REVIEWER,
        ),
    ),
    McpTool(
        name="put_review",
        title="Correct and approve an extraction",
        description="Correct values of a claimed extraction, and approve or reject it. An edit has"
        " the field's pointer and its right value, null where the document says none. Approved"
        " values replace those that were read, and what was before is kept.",
        routes=(ToolRoute("PUT", "/v1/reviews/{extraction_id}"),),
        arguments=(
            _EXTRACTION_ID,
            ToolArgument("claim_id", "The claim, as claim_review returned it.", required=True),
            ToolArgument("edits", "The values that are changed."),
            ToolArgument("decision", "Left out, the claim goes on."),
            ToolArgument("reason", "Why; a rejection needs it."),
            _REVIEWER,
        ),
        destructive=True,
    ),
)

// The editor of a JSON Schema, which shows an error at the line that it is about.

import { useRef } from "preact/hooks";

import { ApiError } from "./api.js";
import { Field, html } from "./ui.js";

const FIELD = "json_schema";

export const EXAMPLE = `{
  "type": "object",
  "properties": {
    "invoice_number": {"type": ["string", "null"]},
    "date": {"type": ["string", "null"], "format": "date"},
    "total": {"type": ["number", "null"], "x-synonyms": ["Amount due"]}
  }
}`;

/** Return the schema that `text` is; throw an error whose field is the schema. */
export function parsedSchema(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ApiError(0, { type: "InvalidInput", message: `This is no JSON: ${error.message}`, field: FIELD });
  }
}

/** Whether an error is one of the schema, which its editor shows. */
export const isOfSchema = (error) => error instanceof ApiError && Boolean(error.field?.startsWith(FIELD));

/** An editor of a schema that shows `error` where it is of it, and leads to its place. */
export function SchemaField({ text, onText, error }) {
  const box = useRef(null);
  const mine = isOfSchema(error) ? error : null;
  const path = mine?.field.split("/").slice(1) ?? [];
  const range = mine && path.length ? placeOf(text, path) : null;
  const show = () => {
    box.current.focus();
    box.current.setSelectionRange(range.start, range.end);
    const line = text.slice(0, range.start).split("\n").length;
    box.current.scrollTop = (line - 3) * parseFloat(getComputedStyle(box.current).lineHeight);
  };
  return html`<${Field} label="JSON Schema"><textarea ref=${box} class="code" rows="14" spellcheck=${false} required aria-invalid=${Boolean(mine)} aria-describedby=${mine ? "schema-error" : null} value=${text} onInput=${(event) => onText(event.target.value)}></textarea><//>
    ${mine && html`<div class="problem" role="alert" id="schema-error">${mine.message}
      ${range && html` <button type="button" onClick=${show}>Show line ${text.slice(0, range.start).split("\n").length}</button>`}</div>`}`;
}

/** Return where the value at `path` stands in a text of JSON, or null. */
function placeOf(text, path) {
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g;
  const tokens = [...text.matchAll(token)].map((each) => ({ text: each[0], start: each.index, end: each.index + each[0].length }));
  let at = 0;
  let found = null;
  const value = (here) => {
    const first = tokens[at];
    const within = here.every((each, n) => each === path[n]);
    if (first.text === "{" || first.text === "[") members(first.text, here);
    else at += 1;
    if (within && here.length === path.length) found ??= { start: first.start, end: tokens[at - 1].end };
  };
  const members = (bracket, here) => {
    at += 1;
    for (let n = 0; tokens[at].text !== "}" && tokens[at].text !== "]"; n += 1) {
      let name = String(n);
      if (bracket === "{") {
        name = JSON.parse(tokens[at].text);
        at += 2;
      }
      value([...here, name]);
      if (tokens[at].text === ",") at += 1;
    }
    at += 1;
  };
  try {
    value([]);
  } catch {
    return null; // The text was changed since, and is no JSON now.
  }
  return found;
}

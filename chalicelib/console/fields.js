// Fields of an extraction: how sure each is, where it stands, and lists of them as tables.

import { useEffect, useMemo } from "preact/hooks";

import { percent } from "./format.js";
import { html } from "./ui.js";

const SURE = 0.92; // What a value has to be unless its schema says otherwise.
const DOUBTFUL = 0.5; // Below it, an extraction waits for a review.
const DOUBTFUL_CHOICE = 0.8; // The same of a value that a language model chose.

/** Return "good", "warn" or "bad" by how likely a field's value, or its absence, is right. */
export function toneOf({ confidence, method, value }) {
  const least = method === "model" && value !== null ? DOUBTFUL_CHOICE : DOUBTFUL;
  if (confidence < least) return "bad";
  return confidence < SURE ? "warn" : "good";
}

export const isDoubtful = (field) => toneOf(field) !== "good";

/** Write a value of JSON as people read it; null is what the document does not say. */
export function shown(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value);
}

export const tokensOf = (pointer) => pointer.split("/").slice(1).map((each) => each.replaceAll("~1", "/").replaceAll("~0", "~"));
export const nameOf = (pointer) => tokensOf(pointer).join(" / ").replaceAll("_", " ");

/** Return the fields outside lists, and each list with its columns and rows of fields. */
function grouped(fields, lists) {
  const tables = lists.map((list) => ({ ...list, columns: [], byRow: new Map() }));
  const single = [];
  for (const field of fields) {
    const table = tables.find((each) => /^\d+(\/|$)/.test(field.pointer.startsWith(`${each.pointer}/`) ? field.pointer.slice(each.pointer.length + 1) : ""));
    if (!table) {
      single.push(field);
      continue;
    }
    const [row, ...rest] = tokensOf(field.pointer.slice(table.pointer.length));
    const column = rest.join(".") || "value";
    if (!table.columns.includes(column)) table.columns.push(column);
    if (!table.byRow.has(row)) table.byRow.set(row, {});
    table.byRow.get(row)[column] = field;
  }
  return { single, tables };
}

/** Return marks of the fields that stand on `page`, coloured by how sure they are. */
export function useMarks(fields, page) {
  return useMemo(
    () => fields.flatMap((field) => field.evidence.filter((each) => each.page === page).map(({ start, end, boxes }) => ({
      id: field.pointer, start, end, boxes, tone: toneOf(field), label: `${nameOf(field.pointer)}: ${shown(field.value)}, ${percent(field.confidence)}`,
    }))),
    [fields, page],
  );
}

/** Return the pointer of the next field that `wanted` says yes to, or the chosen one at the end. */
export function stepped(fields, chosen, step, wanted) {
  const at = fields.findIndex((each) => each.pointer === chosen);
  for (let next = at < 0 && step < 0 ? fields.length - 1 : at + step; next >= 0 && next < fields.length; next += step) {
    if (wanted(fields[next])) return fields[next].pointer;
  }
  return chosen;
}

/** Do what `actions` has for a key that is pressed outside of inputs, dialogs and open menus. */
export function useKeys(actions) {
  useEffect(() => {
    const pressed = (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.closest?.("input, textarea, select, dialog")) return;
      if (event.key.startsWith("Arrow") && event.target.closest?.('[tabindex="0"]')) return; // It scrolls that.
      const action = actions[event.key];
      if (!action) return;
      event.preventDefault();
      action();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  });
}

export function Legend({ keys }) {
  return html`<p class="legend quiet">${keys.map(([names, does]) => html`<span>${names.map((name) => html`<kbd>${name}</kbd> `)}${does}</span>`)}</p>`;
}

function Confidence({ field }) {
  if (field.draft || field.edit) return html`<span class="badge">edited</span>`;
  return html`<span class=${`badge ${toneOf(field)}`}>${percent(field.confidence)}</span>`;
}

/** Show all fields; `chosen` is a pointer, and `editor(field)` is what stands under the chosen one. */
export function FieldList({ fields, lists, chosen, onChoose, editor, noted }) {
  const { single, tables } = useMemo(() => grouped(fields, lists), [fields, lists]);
  const parts = { chosen, onChoose, noted };
  const edited = (inside) => editor && fields.find((each) => each.pointer === chosen && inside(each));
  return html`<ul class="fields">${single.map((field) => html`<li key=${field.pointer}><${FieldButton} field=${field} ...${parts} name=${nameOf(field.pointer)} />
      ${editor && field.pointer === chosen && editor(field)}</li>`)}</ul>
    ${tables.map((table) => html`<section key=${table.pointer} class="list"><h2>${nameOf(table.pointer)}</h2><${Completeness} list=${table} />
      <${Rows} table=${table} ...${parts} />${((field) => field && editor(field))(edited((each) => each.pointer.startsWith(`${table.pointer}/`)))}</section>`)}`;
}

function FieldButton({ field, chosen, onChoose, noted, name }) {
  const note = noted?.(field);
  return html`<button type="button" class=${`value ${toneOf(field)}`} data-pointer=${field.pointer} aria-pressed=${field.pointer === chosen} title=${`${percent(field.confidence)} sure${field.derived ? ", told from the text" : ""}`} onClick=${() => onChoose(field.pointer)}>
    ${name && html`<span class="name">${name}</span>`}<span class=${field.value === null ? "quiet" : ""}>${shown(field.value)}${field.value === null && field.candidates?.length > 0 && ` perhaps ${shown(field.candidates[0].value)}, ${percent(field.candidates[0].confidence)}`}</span>${name && html`<${Confidence} field=${field} />`}${note && html`<span class="note">${note}</span>`}</button>`;
}

function Completeness({ list }) {
  if (list.complete) return html`<p class="quiet">${list.rows} rows, complete: ${list.counted} were counted.</p>`;
  return html`<p class="warning"><span class="badge warn">partial</span> ${list.rows} rows were read, ${list.counted} were counted.</p>
    ${list.differences.length > 0 && html`<ul>${list.differences.map((each) => html`<li>Page ${each.page}: ${each.reason}</li>`)}</ul>`}`;
}

function Rows({ table, chosen, onChoose, noted }) {
  if (!table.byRow.size) return null;
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${`Rows of ${nameOf(table.pointer)}`}><table class="rows"><thead><tr><th scope="col">#</th>${table.columns.map((each) => html`<th scope="col">${each.replaceAll("_", " ")}</th>`)}</tr></thead>
    <tbody>${[...table.byRow].map(([row, cells]) => html`<tr key=${row}><th scope="row">${Number(row) + 1}</th>${table.columns.map((column) => html`<td>${cells[column] && html`<${FieldButton} field=${cells[column]} chosen=${chosen} onChoose=${onChoose} noted=${noted} />`}</td>`)}</tr>`)}</tbody></table></div>`;
}

/** Bring the button of the chosen field into sight, if it is out of it. */
export function useChosenInSight(chosen) {
  useEffect(() => {
    if (!chosen) return;
    const all = [...document.querySelectorAll("[data-pointer]")];
    all.find((each) => each.dataset.pointer === chosen)?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
}

// Results of labelling: progress, agreement, disagreements to decide, and files to train on.

import { useState } from "preact/hooks";

import { get, put } from "./api.js";
import { byReviewer, useReviewer } from "./claims.js";
import { count, percent, when } from "./format.js";
import { prettied } from "./labelling-queue.js";
import { link } from "./route.js";
import { Field, Loaded, Problem, Table, html, useAction, useLoaded, usePages, usePolling } from "./ui.js";

const AGAIN_MS = 5000;
const A_PAGE = 20;
const AN_EXPORT_PAGE = 40;
const RELIABLE = 0.8; // Krippendorff's own limits.
const TENTATIVE = 0.667;
const FILES = {
  preference: { train: "pairs-train.jsonl", test: "pairs-test.jsonl" },
  supervised: { train: "train.jsonl", test: "test.jsonl" },
};

export function Progress({ task }) {
  const loaded = useLoaded((signal) => get(`v1/labelling/tasks/${task.task_id}/progress`, {}, { signal }), [task.task_id]);
  usePolling(loaded.reload, AGAIN_MS, true);
  return html`<${Loaded} of=${loaded}>${(progress) => html`<div role="status" class="tally"><progress max=${progress.items || 1} value=${progress.decided} aria-label="Items decided"></progress>
      <p>${count(progress.decided)} decided, ${count(progress.undecided)} undecided, ${count(progress.open)} open, of ${count(progress.items)} items; ${count(progress.labels)} labels, ${count(progress.skips)} skips, ${count(progress.adjudicated)} adjudicated.</p></div>
    <${Agreement} of=${progress.agreement} />
    ${progress.positions && html`<p>Side a stood first ${count(progress.positions.a_first)} times and side b ${count(progress.positions.b_first)}; the first was preferred ${count(progress.positions.preferred_first)} times, the second ${count(progress.positions.preferred_second)}.</p>`}
    <h2>Reviewers</h2><${Table} caption="Reviewers" rows=${progress.reviewers} keyOf=${(each) => each.reviewer} empty="Nobody has labelled yet." columns=${[
      { title: "Reviewer", cell: (each) => each.reviewer },
      { title: "Labelled", kind: "number", cell: (each) => count(each.labelled) },
      { title: "Skipped", kind: "number", cell: (each) => count(each.skipped) },
      { title: "Late", kind: "number", cell: (each) => count(each.late) },
      { title: "Gold", kind: "number", cell: (each) => count(each.gold_labelled) },
      { title: "Gold right", kind: "number", cell: (each) => (each.gold_accuracy === null ? "–" : percent(each.gold_accuracy)) },
    ]} />`}<//>`;
}

function Agreement({ of }) {
  if (of.alpha === null) return html`<p class="quiet">Krippendorff's alpha is not defined yet: it takes two labels of one item, and two different labels.</p>`;
  const said = of.alpha >= RELIABLE ? "reliable" : of.alpha >= TENTATIVE ? "enough for tentative conclusions" : "too little to conclude from";
  return html`<p>Krippendorff's alpha (${of.measurement}): <strong>${of.alpha.toFixed(3)}</strong>, ${said}; of ${count(of.labels)} labels of ${count(of.items)} items.</p>`;
}

export function Disagreements({ task }) {
  const paged = usePages((cursor, signal) => get(`v1/labelling/tasks/${task.task_id}/disagreements`, { limit: A_PAGE, cursor }, { signal }), [task.task_id]);
  return html`<${Loaded} of=${paged}>${({ items }) => (items.length
    ? items.map((each) => html`<${Disagreement} key=${each.item_id} task=${task} found=${each} />`)
    : html`<p class="empty quiet">No item here needs a decision.</p>`)}<//>${paged.pager}`;
}

function Disagreement({ task, found }) {
  const [name] = useReviewer();
  const [comment, setComment] = useState("");
  const [decided, setDecided] = useState(null);
  const choices = task.kind === "pair" ? ["a", "b", ...(task.ties ? ["tie"] : [])] : task.labels;
  const [decide, busy, error] = useAction(async (label) => {
    const body = { label, ...byReviewer(name), ...(comment.trim() && { comment: comment.trim() }) };
    setDecided(await put(`v1/labelling/tasks/${task.task_id}/items/${found.item_id}/adjudication`, body));
  });
  return html`<article class="item"><h2>${found.item.id}</h2><${ItemFacts} item=${found.item} />
    <ul>${found.given.map((each) => html`<li>${each.reviewer}: ${each.skipped ? html`skipped, ${each.skipped}` : html`<strong>${each.label}</strong>`}${each.late && " (late)"}${each.correction && html`<div class="quiet">Correction: ${each.correction}</div>`}${each.comment && html`<div class="quiet">${each.comment}</div>`}</li>`)}</ul>
    <div class="actions">${choices.map((label) => html`<button type="button" disabled=${busy} aria-pressed=${decided?.label === label} onClick=${() => decide(label)}>${label}</button>`)}
      <label class="inline">Comment <input maxlength="2000" value=${comment} onInput=${(event) => setComment(event.target.value)} /></label>
      <span class="quiet" role="status">${decided && `It is ${decided.label}, decided by ${decided.reviewer}, ${when(decided.at)}.`}</span></div><${Problem} error=${error} /></article>`;
}

function ItemFacts({ item }) {
  if (item.type === "pair") return html`<p class="prompt">${item.prompt}</p><div class="pair"><section><h3>a</h3><p class="said">${item.a}</p></section><section><h3>b</h3><p class="said">${item.b}</p></section></div>`;
  if (item.type === "answer") return html`<p class="prompt">${item.prompt}</p><p class="said">${item.answer}</p>`;
  if (item.type === "extraction") return html`<div class="pair"><pre tabindex="0">${item.text}</pre><pre tabindex="0">${prettied(item.values)}</pre></div>`;
  return html`<p>${item.question ?? ""} <a href=${link(["document", item.document_id], { page: item.page })}>${item.document_id}${item.page ? `, page ${item.page}` : ""}</a></p>`;
}

export function Export({ task }) {
  const formats = [task.kind === "pair" ? "preference" : task.kind === "image" ? null : "supervised", "labels"].filter(Boolean);
  const [format, setFormat] = useState(formats[0]);
  const [made, setMade] = useState(null);
  const [run, busy, error] = useAction(async () => {
    setMade(null);
    setMade(await exported(task.task_id, format));
  });
  return html`<div class="filters"><${Field} label="Format"><select value=${format} onChange=${(event) => { setFormat(event.target.value); setMade(null); }}>${formats.map((each) => html`<option value=${each}>${each}</option>`)}</select><//>
      <button type="button" class="primary" disabled=${busy} onClick=${run}>${busy ? "Reading…" : "Read the decided items"}</button></div>
    <${Problem} error=${error} />
    ${made && html`<ul role="status">${made.files.map(({ name, lines }) => html`<li><button type="button" class="link" onClick=${() => saved(name, lines)}>${name}</button> <span class="quiet">${count(lines.length)} lines</span></li>`)}</ul>
      ${made.files.length === 0 && html`<p class="empty quiet">No item is decided yet.</p>`}
      ${Object.entries(made.left_out).map(([reason, number]) => html`<p class="quiet">Left out, ${reason}: ${count(number)}</p>`)}`}`;
}

/** Read all decided items, and return the files that the command line writes of them. */
async function exported(id, format) {
  const files = new Map(Object.values(FILES[format] ?? {}).map((name) => [name, []]));
  const provenance = [];
  const leftOut = {};
  let cursor = null;
  do {
    const page = await get(`v1/labelling/tasks/${id}/export`, { format, limit: AN_EXPORT_PAGE, cursor });
    for (const [reason, number] of Object.entries(page.left_out)) leftOut[reason] = (leftOut[reason] ?? 0) + number;
    for (const { part, row, item, given, provenance: from } of page.items) {
      const name = FILES[format]?.[part] ?? "labels.jsonl";
      if (!files.has(name)) files.set(name, []);
      files.get(name).push(row ?? { part, item, given, provenance: from });
      if (row) provenance.push({ file: name, line: files.get(name).length, ...from });
    }
    cursor = page.next_cursor;
  } while (cursor);
  if (provenance.length) files.set("provenance.jsonl", provenance);
  return { files: [...files].map(([name, lines]) => ({ name, lines })).filter(({ lines }) => lines.length), left_out: leftOut };
}

function saved(name, lines) {
  const file = new Blob(lines.map((each) => `${JSON.stringify(each)}\n`), { type: "application/x-ndjson" });
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(file);
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
}

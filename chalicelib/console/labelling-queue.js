// The queue of a reviewer: one item at a time, labelled by a key, or skipped with a reason.

import { useEffect, useState } from "preact/hooks";

import { post, put } from "./api.js";
import { ClaimClock, ReviewerField, byReviewer, useReviewer } from "./claims.js";
import { useKeys } from "./fields.js";
import { count } from "./format.js";
import { Field, Problem, html, useAction } from "./ui.js";
import { PageView } from "./viewer.js";

const NO_MARKS = [];
const CORRECTABLE = new Set(["answer", "extraction"]);
/** What was written of items that were lost before it was sent, by their ids. */
const drafts = new Map();

export function Labelling({ task }) {
  const [name, setName] = useReviewer();
  const [claim, setClaim] = useState(undefined);
  const [done, setDone] = useState({ labelled: 0, late: 0 });
  const place = `v1/labelling/tasks/${task.task_id}/claims`;
  const [take, busy, error] = useAction(async () => setClaim((await post(place, byReviewer(name))).claim));
  const ended = (late) => {
    setDone((before) => ({ labelled: before.labelled + 1, late: before.late + (late ? 1 : 0) }));
    setClaim(undefined);
    take();
  };
  const first = !claim && !(busy && done.labelled > 0);
  const start = (event) => {
    event.preventDefault();
    take();
  };
  return html`${first && html`<form class="filters" onSubmit=${start}><${ReviewerField} name=${name} onName=${setName} /><button type="submit" class="primary" disabled=${busy}>Take the next item</button></form>`}
    <${Problem} error=${error} />
    ${claim === null && html`<p class="empty quiet" role="status">Nothing is left that you could label: all is labelled, or in other hands.</p>`}
    ${done.labelled > 0 && html`<p class="quiet" role="status">${count(done.labelled)} done${done.late ? `, ${done.late} of them late` : ""}.${!claim && busy ? " Taking the next…" : ""}</p>`}
    ${claim && html`<${Item} key=${claim.claim_id} claim=${claim} place=${place} name=${name} take=${take} taking=${busy} onEnded=${ended} />`}`;
}

function Item({ claim, place, name, take, taking, onEnded }) {
  const draft = drafts.get(claim.item_id);
  const [correction, setCorrection] = useState(draft?.correction ?? "");
  const [comment, setComment] = useState(draft?.comment ?? "");
  const [reason, setReason] = useState("");
  const [skipping, setSkipping] = useState(false);
  const finish = async (how, body) => {
    const { late } = await put(`${place}/${claim.claim_id}/${how}`, { ...body, ...byReviewer(name) });
    drafts.delete(claim.item_id);
    onEnded(late);
  };
  const next = () => {
    drafts.set(claim.item_id, { correction, comment });
    take();
  };
  const [label, sending, refused] = useAction((given) => finish("label", { label: given, ...(correction.trim() && { correction }), ...(comment.trim() && { comment }) }));
  const [skip, leaving, notSkipped] = useAction(() => finish("skip", { reason: reason.trim() }));
  const busy = sending || leaving || taking;
  const keys = keysOf(claim);
  useKeys({ ...Object.fromEntries(keys.map(([key, given]) => [key, () => label(given)])), s: () => setSkipping(true) });
  useEffect(() => document.getElementById("item")?.focus({ preventScroll: true }), []);
  const error = refused ?? notSkipped;
  const send = (event) => {
    event.preventDefault();
    skip();
  };
  return html`<article class="item" id="item" tabindex="-1" aria-label="Item">
    <details open><summary>Guidelines</summary><p class="guidelines">${claim.guidelines}</p></details>
    <${Content} claim=${claim} />
    <${ClaimClock} expiresAt=${claim.expires_at} expired="A label counts all the same if nobody else has taken the place." />
    <div class="actions labels">${keys.map(([key, given]) => html`<button type="button" disabled=${busy} onClick=${() => label(given)}><kbd>${key}</kbd> ${given}</button>`)}
      <button type="button" aria-expanded=${skipping} disabled=${busy} onClick=${() => setSkipping(!skipping)}><kbd>s</kbd> Skip</button><span class="quiet" role="status">${busy ? "Sending…" : ""}</span></div>
    <${Problem} error=${error} />
    ${error?.status === 409 && html`<p>What you wrote is still here, and will be if the item comes to you again. <button type="button" disabled=${busy} onClick=${next}>Take the next item</button></p>`}
    ${skipping && html`<form class="actions" onSubmit=${send}><${Field} label="Why it is skipped"><input required maxlength="2000" value=${reason} ref=${focusOnce} onInput=${(event) => setReason(event.target.value)} /><//><button type="submit" disabled=${busy || !reason.trim()}>Skip it</button></form>`}
    <details><summary>${CORRECTABLE.has(claim.kind) ? "Correct it, or say something" : "Say something"}</summary>
      ${CORRECTABLE.has(claim.kind) && html`<${Field} label=${claim.kind === "extraction" ? "The right values, as JSON" : "What the answer should have been"}><textarea rows="3" maxlength="10000" value=${correction} onInput=${(event) => setCorrection(event.target.value)}></textarea><//>`}
      <${Field} label="Comment"><textarea rows="2" maxlength="2000" value=${comment} onInput=${(event) => setComment(event.target.value)}></textarea><//></details></article>`;
}

function focusOnce(element) {
  if (element && !element.dataset.focused) {
    element.dataset.focused = "yes";
    element.focus();
  }
}

/** Return the key of each label: 1 and 2 for the texts of a pair and 0 for a tie, else 1 to 9 and 0. */
function keysOf({ kind, labels }) {
  if (kind !== "pair") return labels.map((label, n) => [n < 9 ? String(n + 1) : n === 9 ? "0" : "", label]);
  const keys = { first: "1", second: "2", tie: "0" };
  return labels.map((label) => [keys[label], label]);
}

// Of a pair nothing but the two texts is shown, in the order that the API gives.
function Content({ claim: { kind, content } }) {
  if (kind === "image") {
    return html`${content.question && html`<h2>${content.question}</h2>`}<${PageView} documentId=${content.document_id} page=${content.page ?? 1} marks=${NO_MARKS} />`;
  }
  if (kind === "extraction") return html`<div class="pair"><section><h2>Text</h2><pre tabindex="0">${content.text}</pre></section><section><h2>Values</h2><pre tabindex="0">${prettied(content.values)}</pre></section></div>`;
  const texts = kind === "pair" ? [["First", content.first], ["Second", content.second]] : [["Answer", content.answer]];
  return html`<h2 class="prompt">${content.prompt}</h2><div class=${kind}>${texts.map(([title, text]) => html`<section><h3>${title}</h3><p class="said">${text}</p></section>`)}</div>`;
}

/** Write values of JSON on lines of their own; what is no JSON stays as it is. */
export function prettied(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

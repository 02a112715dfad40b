// Where files are dropped, and what becomes of them.

import { useEffect, useRef, useState } from "preact/hooks";

import { count } from "./format.js";
import { link } from "./route.js";
import { Badge, Problem, html, useAction } from "./ui.js";
import { chosenFiles, droppedFiles, onUpload, uploadAll, uploadFailed, uploadState } from "./upload.js";

const MAX_SHOWN = 50;
const MAX_UNDER_WAY = 5;

/** Redraw while files are uploaded; return the upload's state, or null. */
export function useUpload() {
  const [, redraw] = useState(0);
  useEffect(() => onUpload(() => redraw((n) => n + 1)), []);
  return uploadState();
}

export function Drop({ collection, onSent }) {
  const [over, setOver] = useState(false);
  const [into, setInto] = useState(collection);
  const files = useRef(null);
  const folder = useRef(null);
  const state = useUpload();
  useEffect(() => setInto(collection), [collection]);
  const [send, , error] = useAction(async (find) => {
    await uploadAll(find, into);
    await onSent();
  });
  const [again, , failure] = useAction(async () => {
    await uploadFailed();
    await onSent();
  });
  const busy = Boolean(state?.running);
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    if (busy) return;
    const { dataTransfer } = event;
    send((onFound) => droppedFiles(dataTransfer, onFound));
  };
  const choose = (event) => {
    const chosen = chosenFiles(event.target.files);
    event.target.value = "";
    if (chosen.length) send(async () => chosen);
  };
  const drag = (event) => {
    event.preventDefault();
    if (busy) event.dataTransfer.dropEffect = "none";
    setOver(!busy);
  };
  return html`<section class=${`drop ${over ? "over" : ""}`} aria-label="Upload" onDragOver=${drag} onDragLeave=${() => setOver(false)} onDrop=${drop}>
    <p>Drop files or folders here, or</p>
    <div class="actions">
      <button type="button" class="primary" disabled=${busy} onClick=${() => files.current.click()}>Choose files</button>
      <button type="button" disabled=${busy} onClick=${() => folder.current.click()}>Choose a folder</button>
      <label class="inline">into <input name="into" value=${into} pattern="[a-z0-9_\\-]{1,63}" size="14" aria-label="Collection to upload into" onInput=${(event) => setInto(event.target.value)} /></label>
    </div>
    <input ref=${files} type="file" multiple hidden data-role="files" onChange=${choose} />
    <input ref=${folder} type="file" webkitdirectory hidden data-role="folder" onChange=${choose} />
    ${state && html`<${Sent} state=${state} again=${again} />`}<${Problem} error=${error ?? failure} />
  </section>`;
}

function Sent({ state, again }) {
  const { total, sent, failures, pending, running } = state;
  const done = sent + failures.length;
  const said = `${count(sent)} of ${count(total)} ${total === 1 ? "file" : "files"} sent${failures.length ? `, ${count(failures.length)} could not be` : ""}.`;
  if (running && !total) return html`<p role="status">Looking for files… <span aria-hidden="true">${count(state.found)}</span></p>`;
  return html`<div class="sent"><progress max=${total || 1} value=${done} aria-label="Files sent"></progress>
    <p>${said} <${Ended} state=${state} /></p>
    <p class="hidden" role="status">${running ? "Files are being sent." : pending.size ? "Sending has ended; the files are being read." : "All that was sent has been read."}</p>
    ${failures.length > 0 && html`<h3>Not sent</h3><ul>${failures.slice(0, MAX_SHOWN).map(({ path, error }) => html`<li key=${path}><code>${path}</code>: <span class="reason">${error.message}</span></li>`)}</ul><${More} count=${failures.length - MAX_SHOWN} />
      ${!running && html`<button type="button" onClick=${again}>Try these again</button>`}`}
    <${Refused} of=${state} /><${UnderWay} of=${pending} /></div>`;
}

function Ended({ state }) {
  const tally = { ...state.ended };
  if (state.pending.size) tally["under way"] = state.pending.size;
  return Object.entries(tally).map(([status, number]) => html`<span key=${status}><${Badge} state=${status} /> ${count(number)} </span>`);
}

function Refused({ of }) {
  if (!of.refused.length) return null;
  const more = (of.ended.rejected ?? 0) + (of.ended.failed ?? 0) - of.refused.length;
  return html`<h3>Not taken</h3><ul>${of.refused.map((each) => html`<li key=${each.id}><a href=${link(["document", each.id])}>${each.path}</a>: <span class="reason">${each.reason || each.status}</span></li>`)}</ul><${More} count=${more} />`;
}

function UnderWay({ of }) {
  const first = [...of.values()].sort((a, b) => (b.status === "processing") - (a.status === "processing")).slice(0, MAX_UNDER_WAY);
  if (!first.length) return null;
  return html`<h3>Under way</h3><ul class="plain">${first.map((each) => html`<li key=${each.id}><${Badge} state=${each.status} /> ${each.path}${each.progress && html` <span class="quiet">${each.progress.stage} ${each.progress.parts_done} of ${each.progress.parts_total}</span>`}${each.error && html` <span class="reason">${each.error.message}</span>`}</li>`)}</ul><${More} count=${of.size - first.length} />`;
}

const More = ({ count: more }) => (more > 0 ? html`<p class="quiet">and ${count(more)} more</p>` : null);

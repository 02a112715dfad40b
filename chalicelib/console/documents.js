// Documents: drop files, follow their states, filter, retry, delete. One page of them is held.

import { useEffect, useRef, useState } from "preact/hooks";

import { get, post, remove } from "./api.js";
import { bytes, count, dollars, when } from "./format.js";
import { go, link } from "./route.js";
import { Badge, Choice, CollectionChoice, ConfirmButton, Loaded, Problem, Screen, Table, html, useAction, useCollections, usePages, usePolling } from "./ui.js";
import { chosenFiles, droppedFiles, uploadAll } from "./upload.js";

const STATES = ["received", "processing", "ready", "rejected", "failed"];
const UNDER_WAY = new Set(["received", "processing"]);
const A_PAGE = 50;
const SOON_MS = 800;
const LATER_MS = 5000;

export default function Documents({ query }) {
  const { collection = "", status = "" } = query;
  const listed = usePages(
    (cursor, signal) => get("v1/documents", { collection, status, limit: A_PAGE, cursor }, { signal }),
    [collection, status],
  );
  const collections = useCollections();
  const [hurry, setHurry] = useState(false);
  const busy = hurry || listed.value?.items.some((each) => UNDER_WAY.has(each.status));
  const refresh = async () => {
    await Promise.all([listed.reload(), collections.reload()]);
  };
  usePolling(refresh, busy ? SOON_MS : LATER_MS, true);
  const choose = (change) => go(["documents"], { ...query, ...change }, true);
  return html`<${Screen} title="Documents">
    <${Drop} collection=${collection || "default"} onBusy=${setHurry} onSent=${refresh} />
    <${Tallies} of=${collections} chosen=${collection} />
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <${CollectionChoice} of=${collections} value=${collection} onChoose=${(value) => choose({ collection: value })} />
      <${Choice} label="State" of=${STATES} value=${status} onChoose=${(value) => choose({ status: value })} />
    </form>
    <${Loaded} of=${listed}>${(page) => html`<${List} items=${page.items} reload=${refresh} />`}<//>
    ${listed.pager}
  <//>`;
}

function List({ items, reload }) {
  return html`<${Table} caption="Documents" rows=${items} keyOf=${(each) => each.document_id}
    empty="No documents here. Drop files above, or choose another state or collection." columns=${[
      { title: "Name", kind: "wide", cell: (each) => html`<a href=${link(["document", each.document_id])}>${each.path}</a>
        ${each.reason && html`<div class="reason">${each.reason}</div>`}
        ${each.notices.map((notice) => html`<div class="quiet">${notice}</div>`)}` },
      { title: "State", cell: (each) => html`<${Badge} state=${each.status} /><${Progress} of=${each.progress} />` },
      { title: "Collection", cell: (each) => each.collection },
      { title: "Pages", kind: "number", cell: (each) => count(each.pages) },
      { title: "Size", kind: "number", cell: (each) => bytes(each.bytes) },
      { title: "Cost", kind: "number", cell: (each) => (each.receipt ? dollars(each.receipt.dollars) : "–") },
      { title: "Changed", cell: (each) => when(each.updated_at) },
      { title: "", cell: (each) => html`<${Actions} document=${each} reload=${reload} />` },
    ]} />`;
}

function Progress({ of }) {
  if (!of) return null;
  return html`<div class="quiet">${of.stage} ${of.parts_done} of ${of.parts_total}<progress max=${of.parts_total} value=${of.parts_done} aria-label=${of.stage}></progress></div>`;
}

function Actions({ document, reload }) {
  const [retry, busy, error] = useAction(async () => {
    await post(`v1/documents/${document.document_id}/retry`, {});
    await reload();
  });
  const removed = async () => {
    await remove(`v1/documents/${document.document_id}`);
    await reload();
  };
  return html`<div class="actions">
    ${document.status === "failed" && html`<button type="button" disabled=${busy} onClick=${retry}>Retry</button>`}
    <${ConfirmButton} label="Delete" question=${`${document.path} is deleted with all its versions and everything made from them. This cannot be undone.`} onConfirm=${removed} />
    <${Problem} error=${error} /></div>`;
}

function Tallies({ of, chosen }) {
  const items = (of.value?.items ?? []).filter((each) => !chosen || each.name === chosen);
  const sums = {};
  for (const { tally } of items) {
    for (const [state, number] of Object.entries(tally.documents ?? {})) sums[state] = (sums[state] ?? 0) + number;
  }
  const shown = STATES.filter((state) => sums[state]);
  return html`<p class="tallies" role="status" aria-live="polite">${shown.map((state) => html`<span><${Badge} state=${state} /> ${count(sums[state])}</span>`)}</p>`;
}

function Drop({ collection, onBusy, onSent }) {
  const [over, setOver] = useState(false);
  const [state, setState] = useState(null);
  const [into, setInto] = useState(collection);
  const files = useRef(null);
  const folder = useRef(null);
  useEffect(() => setInto(collection), [collection]);
  const [send, busy, error] = useAction(async (find) => {
    const found = await find();
    if (!found.length) return;
    onBusy(true);
    setState({ total: found.length, sent: 0, failures: [] });
    setState(await uploadAll(found, into, setState));
    await onSent();
    onBusy(false);
  });
  useEffect(() => {
    if (!busy) return undefined;
    const warn = (event) => event.preventDefault(); // The browser asks before the page is left.
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [busy]);
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    send(() => droppedFiles(event.dataTransfer));
  };
  const choose = (event) => send(() => chosenFiles(event.target.files)).finally(() => { event.target.value = ""; });
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
    <${Sending} state=${state} /><${Problem} error=${error} />
  </section>`;
}

function Sending({ state }) {
  if (!state) return null;
  return html`<div role="status"><progress max=${state.total} value=${state.sent + state.failures.length} aria-label="Files sent"></progress>
    ${count(state.sent)} of ${count(state.total)} files sent${state.failures.length ? html`, ${count(state.failures.length)} not:` : "."}${state.sent > 0 && html` <span class="quiet">Each is listed once it has arrived.</span>`}
    ${state.failures.length > 0 && html`<ul>${state.failures.slice(0, 50).map(({ path, error }) => html`<li><code>${path}</code>: ${error.message}</li>`)}</ul>`}</div>`;
}

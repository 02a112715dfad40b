// Documents: drop files, follow their states, filter, retry, delete; and one of them, with its pages, versions and
// metadata. One page of the list is held.

import { useMemo, useRef } from "preact/hooks";

import { get, post, remove } from "./api.js";
import { Drop, useUpload } from "./drop.js";
import { bytes, clock, count, dollars, when } from "./format.js";
import { go, link } from "./route.js";
import { Badge, Choice, CollectionChoice, ConfirmButton, html, Loaded, Problem, Receipt, Screen, Table, useAction, useCollections, useLoaded, usePages, usePolling } from "./ui.js";
import { PageView } from "./viewer.js";

const STATES = ["received", "processing", "ready", "rejected", "failed"];
const UNDER_WAY = new Set(["received", "processing"]);
const A_PAGE = 50;
const MAX_REQUESTS = 10; // A page; with a filter, each looks at 2,000 documents.
const SOON_MS = 800;
const LATER_MS = 5000;
const SELDOM_MS = 30_000;
const MANY = 500;

export default function Documents({ parts, query }) {
  return parts[0] === "document" ? html`<${One} parts=${parts} query=${query} />` : html`<${All} query=${query} />`;
}

function All({ query }) {
  const { collection = "", status = "" } = query;
  const listed = usePages((cursor, signal) => filled({ collection, status }, cursor, signal), [collection, status], "documents");
  const collections = useCollections();
  const upload = useUpload();
  const busy = upload?.running || upload?.pending.size > 0 || listed.value?.items.some((each) => UNDER_WAY.has(each.status));
  const refresh = async () => {
    await Promise.all([listed.reload(), collections.reload()]);
  };
  usePolling(async () => { if (!collection && !status) await listed.reload(); }, busy ? SOON_MS : LATER_MS, true);
  // The API counts by reading every document, and so it does to find those of a filter: of many documents both
  // are asked for seldom, and what a filter finds once the counts have changed.
  const counts = JSON.stringify(collections.value?.items.map((each) => each.tally.documents));
  const seen = useRef(null);
  const recount = async () => {
    const changed = seen.current !== null && seen.current !== counts;
    seen.current = counts;
    await Promise.all([collections.reload(), changed && (collection || status) ? listed.reload() : null]);
  };
  const many = (collections.value?.items ?? []).reduce((sum, each) => sum + (each.tally.documents.total ?? 0), 0) > MANY;
  const [soon, later] = many ? [LATER_MS, SELDOM_MS] : [SOON_MS, LATER_MS];
  usePolling(recount, busy ? soon : later, true);
  const choose = (change) => go(["documents"], { ...query, ...change }, true);
  return html`<${Screen} title="Documents">
    <${Drop} collection=${collection || "default"} onSent=${refresh} />
    <${Tallies} of=${collections} query=${query} />
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <${CollectionChoice} of=${collections} value=${collection} onChoose=${(value) => choose({ collection: value })} />
      <${Choice} label="State" of=${STATES} value=${status} onChoose=${(value) => choose({ status: value })} />
    </form>
    <${Loaded} of=${listed}>${(page) => html`<${List} items=${page.items} reload=${refresh} more=${page.next_cursor} />`}<//>
    ${listed.pager}
  <//>`;
}

/** Read a page; one of few finds is read on until it is full, or enough documents were looked at. */
async function filled(filters, cursor, signal) {
  const items = [];
  let next = cursor;
  for (let request = 1; ; request += 1) {
    const page = await get("v1/documents", { ...filters, limit: A_PAGE - items.length, cursor: next }, { signal });
    items.push(...page.items);
    next = page.next_cursor;
    if (!next || items.length === A_PAGE || request === MAX_REQUESTS) return { items, next_cursor: next };
  }
}

function List({ items, reload, more }) {
  return html`<${Table} caption="Documents" rows=${items} keyOf=${(each) => each.document_id}
    empty=${more ? "None among the documents looked at so far; the next page looks on." : "No documents here. Drop files above, or choose another state or collection."} columns=${[
      { title: "Name", kind: "wide", cell: (each) => html`<a href=${link(["document", each.document_id])}>${each.path}</a>
        ${each.reason && html`<div class="reason">${each.reason}</div>`}
        ${each.notices.map((notice) => html`<div class="quiet">${notice}</div>`)}` },
      { title: "State", cell: (each) => html`<${Badge} state=${each.status} /><${Progress} of=${each.progress} />` },
      { title: "Collection", cell: (each) => each.collection },
      { title: "Pages", kind: "number", cell: (each) => count(each.pages) },
      { title: "Size", kind: "number", cell: (each) => bytes(each.bytes) },
      { title: "Cost", kind: "number", cell: (each) => (each.receipt ? dollars(each.receipt.dollars) : "–") },
      { title: "Changed", kind: "time", cell: (each) => when(each.updated_at) },
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

function Tallies({ of, query }) {
  const items = (of.value?.items ?? []).filter((each) => !query.collection || each.name === query.collection);
  const sums = {};
  for (const { tally } of items) {
    for (const [state, number] of Object.entries(tally.documents ?? {})) sums[state] = (sums[state] ?? 0) + number;
  }
  const shown = STATES.filter((state) => sums[state]);
  const least = of.value?.partial ? "at least " : "";
  return html`<p class="tallies">${shown.map((state) => html`<a key=${state} href=${link(["documents"], { ...query, status: state })}><${Badge} state=${state} /> ${least}${count(sums[state])}</a>`)}</p>`;
}

function One({ parts, query }) {
  const id = parts[1];
  const loaded = useLoaded((signal) => get(`v1/documents/${id}`, {}, { signal }), [id]);
  const versions = useLoaded((signal) => get(`v1/documents/${id}/versions`, {}, { signal }), [id, loaded.value?.status]);
  usePolling(loaded.reload, SOON_MS, UNDER_WAY.has(loaded.value?.status));
  return html`<${Screen} title=${loaded.value?.path ?? "Document"}>
    <${Loaded} of=${loaded}>${(document) => html`<div class="columns">
      <section aria-label="Pages"><${Pages} document=${document} versions=${versions.value?.items ?? []} query=${query} /></section>
      <aside><${Facts} document=${document} reload=${loaded.reload} /><${Versions} id=${id} of=${versions} chosen=${query.version} /></aside></div>`}<//>
  <//>`;
}

function Pages({ document, versions, query }) {
  const version = query.version || document.version;
  const last = versions.find((each) => each.version === version)?.pages ?? document.pages;
  const page = Number(query.page ?? 1);
  const marks = useMemo(
    () => (query.start === undefined ? [] : [{ start: Number(query.start), end: Number(query.end), id: "cited" }]),
    [query.start, query.end],
  );
  const startMs = query.ms === undefined ? undefined : Number(query.ms);
  if (!version) return html`<p class="empty quiet">No version can be opened: the upload is ${document.status}.</p>`;
  const turn = (to) => go(["document", document.document_id], { version: query.version, page: to });
  const follow = (to) => go(["document", document.document_id], { version: query.version, page: to, ms: query.ms }, true);
  return html`
    <nav class="pager" aria-label="Pages of the document"><button type="button" disabled=${page < 2} onClick=${() => turn(page - 1)}>Previous</button>
      <span>Page ${page} of ${count(last)}${startMs !== undefined ? ` · ${clock(startMs)}` : ""}</span>
      <button type="button" disabled=${page >= last} onClick=${() => turn(page + 1)}>Next</button></nav>
    <${PageView} documentId=${document.document_id} version=${version} page=${page} marks=${marks} startMs=${startMs} onTurn=${follow} />`;
}

function Facts({ document, reload }) {
  const [retry, busy, error] = useAction(async () => {
    await post(`v1/documents/${document.document_id}/retry`, {});
    await reload();
  });
  const [download, fetching, failure] = useAction(async () => {
    const file = await get(`v1/documents/${document.document_id}/original`);
    window.location.assign(file.url);
  });
  return html`<dl class="facts">
    <dt>State</dt><dd><${Badge} state=${document.status} />${document.reason && html`<div class="reason">${document.reason}</div>`}${document.notices.map((each) => html`<div class="quiet">${each}</div>`)}</dd>
    <dt>Collection</dt><dd><a href=${link(["documents"], { collection: document.collection })}>${document.collection}</a></dd>
    <dt>Type</dt><dd>${document.media_type || "unknown yet"}</dd><dt>Size</dt><dd>${bytes(document.bytes)}</dd>
    <dt>Pages</dt><dd>${count(document.pages)}, ${count(document.chunks)} passages</dd>
    ${document.language && html`<dt>Language</dt><dd>${document.language}</dd>`}
    <dt>Uploaded</dt><dd>${when(document.uploaded_at ?? document.created_at)}</dd>
    ${Object.entries(document.metadata).map(([name, value]) => html`<dt>${name}</dt><dd>${Array.isArray(value) ? value.join(", ") : String(value)}</dd>`)}
    <dt>Cost</dt><dd><${Receipt} receipt=${document.receipt} /></dd></dl>
    <div class="actions"><button type="button" disabled=${fetching} onClick=${download}>Download</button>
      ${document.status === "failed" && html`<button type="button" disabled=${busy} onClick=${retry}>Retry</button>`}
      <a class="button" href=${link(["ask"], { collection: document.collection })}>Ask this collection</a>
      ${document.status === "ready" && html`<a class="button" href=${link(["extract"], { document: document.document_id })}>Extract values</a>`}</div>
    <${Problem} error=${error ?? failure} />`;
}

function Versions({ id, of, chosen }) {
  return html`<h2>Versions</h2><${Loaded} of=${of}>${({ items }) => html`<${Table} caption="Versions" rows=${items} keyOf=${(each) => each.version} columns=${[
    { title: "Uploaded", cell: (each) => html`<a aria-current=${each.version === chosen ? "true" : null} href=${link(["document", id], { version: each.version })}>${when(each.uploaded_at ?? each.created_at)}</a>` },
    { title: "State", cell: (each) => html`<${Badge} state=${each.status} />${each.current && html` <span class="quiet">answers</span>`}` },
  ]} />`}<//>`;
}

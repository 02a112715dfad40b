// One document: its state, versions and metadata, and its pages with what a citation marks.

import { useMemo } from "preact/hooks";

import { get, post } from "./api.js";
import { bytes, clock, count, when } from "./format.js";
import { go, link } from "./route.js";
import { Badge, Loaded, Problem, Receipt, Screen, Table, html, useAction, useLoaded, usePolling } from "./ui.js";
import { PageView } from "./viewer.js";

const SOON_MS = 900;
const UNDER_WAY = new Set(["received", "processing"]);

export default function DocumentScreen({ parts, query }) {
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

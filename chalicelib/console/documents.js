// Documents: drop files, follow their states, filter, retry, delete. One page of them is held.

import { useRef } from "preact/hooks";

import { get, post, remove } from "./api.js";
import { Drop, useUpload } from "./drop.js";
import { bytes, count, dollars, when } from "./format.js";
import { go, link } from "./route.js";
import { Badge, Choice, CollectionChoice, ConfirmButton, Loaded, Problem, Screen, Table, html, useAction, useCollections, usePages, usePolling } from "./ui.js";

const STATES = ["received", "processing", "ready", "rejected", "failed"];
const UNDER_WAY = new Set(["received", "processing"]);
const A_PAGE = 50;
const MAX_REQUESTS = 10; // A page; with a filter, each looks at 2,000 documents.
const SOON_MS = 800;
const LATER_MS = 5000;
const SELDOM_MS = 30_000;
const MANY = 500;

export default function Documents({ query }) {
  const { collection = "", status = "" } = query;
  const collections = useCollections();
  const many = (collections.value?.items ?? []).reduce((sum, each) => sum + (each.tally.documents.total ?? 0), 0) > MANY;
  const sortable = useRef(true);
  const listed = usePages((cursor, signal) => filled({ collection, status }, cursor, signal, sortable), [collection, status], "documents");
  const upload = useUpload();
  const busy = upload?.running || upload?.pending.size > 0 || listed.value?.items.some((each) => UNDER_WAY.has(each.status));
  const refresh = async () => {
    await Promise.all([listed.reload(), collections.reload()]);
  };
  const [soon, later] = many ? [LATER_MS, SELDOM_MS] : [SOON_MS, LATER_MS];
  usePolling(async () => { if (!collection && !status) await listed.reload(); }, busy ? soon : later, true);
  // The API counts and sorts by reading every document, and so it does to find those of a filter: of many all of it
  // is asked for seldom, and what a filter finds once the counts have changed.
  const counts = JSON.stringify(collections.value?.items.map((each) => each.tally.documents));
  const seen = useRef(null);
  const recount = async () => {
    const changed = seen.current !== null && seen.current !== counts;
    seen.current = counts;
    await Promise.all([collections.reload(), changed && (collection || status) ? listed.reload() : null]);
  };
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

/**
 * Read a page, with the last changed first; one of few finds is read on until it is full, or enough documents were
 * looked at. A cursor has its order before it: the API sorts up to 10,000 documents, and lists more by their ids.
 */
async function filled(filters, cursor, signal, sortable) {
  const [order, from] = cursor?.split(" ") ?? [sortable.current ? "newest" : "id"];
  const items = [];
  let next = from;
  try {
    for (let request = 1; ; request += 1) {
      const page = await get("v1/documents", { ...filters, order, limit: A_PAGE - items.length, cursor: next }, { signal });
      items.push(...page.items);
      next = page.next_cursor;
      if (!next || items.length === A_PAGE || request === MAX_REQUESTS) return { items, next_cursor: next && `${order} ${next}` };
    }
  } catch (error) {
    if (error.type !== "Unsupported" || cursor) throw error;
    sortable.current = false;
    return filled(filters, null, signal, sortable);
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

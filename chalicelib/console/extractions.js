// Extractions: what was read from documents, by document and state, and saved extractors.

import { get } from "./api.js";
import { count, dollars, percent, when } from "./format.js";
import { go, link } from "./route.js";
import { Badge, Choice, Loaded, Screen, Table, html, useLoaded, usePages, usePolling } from "./ui.js";

const STATES = ["complete", "partial", "needs_review", "reviewed", "rejected"];
const A_PAGE = 50;
const AGAIN_MS = 5000;

export default function Extractions({ query }) {
  const { document = "", status = "" } = query;
  const listed = usePages(
    (cursor, signal) => get("v1/extractions", { document_id: document, status, limit: A_PAGE, cursor }, { signal }),
    [document, status],
  );
  usePolling(listed.reload, AGAIN_MS, true);
  const choose = (change) => go(["extractions"], { ...query, ...change }, true);
  return html`<${Screen} title="Extractions" actions=${html`<a class="button primary" href=${link(["extract"], { document })}>Extract</a>`}>
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <${Choice} label="State" of=${STATES} value=${status} onChoose=${(value) => choose({ status: value })} />
      ${document && html`<${OfDocument} id=${document} onAll=${() => choose({ document: "" })} />`}
    </form>
    <${Loaded} of=${listed}>${({ items }) => html`<${List} items=${items} choose=${choose} />`}<//>
    ${listed.pager}
  <//>`;
}

function OfDocument({ id, onAll }) {
  const loaded = useLoaded((signal) => get(`v1/documents/${id}`, {}, { signal }), [id]);
  return html`<p>Of <a href=${link(["document", id])}>${loaded.value?.path ?? id}</a> <button type="button" onClick=${onAll}>Of all documents</button></p>`;
}

// The API lists by document; on a page the newest comes first.
function List({ items, choose }) {
  const rows = [...items].sort((a, b) => b.created_at.localeCompare(a.created_at));
  return html`<${Table} caption="Extractions" rows=${rows} keyOf=${(each) => each.extraction_id}
    empty="No extractions here. Extract values from a document, or choose another state." columns=${[
      { title: "Document", kind: "wide", cell: (each) => html`<a href=${link(["extraction", each.extraction_id])}>${each.path}</a>${each.first_page > 1 && html` <span class="quiet">from page ${each.first_page}</span>`}
        ${each.reasons.slice(0, 2).map((reason) => html`<div class="quiet">${reason}</div>`)}${each.reasons.length > 2 && html`<div class="quiet">and ${each.reasons.length - 2} more</div>`}` },
      { title: "State", cell: (each) => html`<${Badge} state=${each.status} />` },
      { title: "Extractor", cell: (each) => each.extractor || html`<span class="quiet">own schema</span>` },
      { title: "Values", kind: "number", cell: (each) => `${count(each.found)} of ${count(each.fields)}` },
      { title: "Least sure", kind: "number", cell: (each) => percent(each.lowest_confidence) },
      { title: "Cost", kind: "number", cell: (each) => dollars(each.receipt.dollars) },
      { title: "Made", cell: (each) => when(each.created_at) },
      { title: "", cell: (each) => html`<button type="button" onClick=${() => choose({ document: each.document_id })}>Of this document<span class="hidden">, ${each.path}</span></button>` },
    ]} />`;
}

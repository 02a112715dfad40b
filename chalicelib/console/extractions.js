// Extractions: what was read from documents, by document and state; and one of them, its values beside the page that they
// stand on, how sure each is, and its files.

import { useMemo, useState } from "preact/hooks";

import { get } from "./api.js";
import { FieldList, isDoubtful, Legend, stepped, useChosenInSight, useKeys, useMarks } from "./fields.js";
import { count, dollars, percent, when } from "./format.js";
import { go, link } from "./route.js";
import { Badge, Choice, CopyButton, Dialog, html, Loaded, Problem, Receipt, Screen, Table, useAction, useLoaded, usePages, usePolling } from "./ui.js";
import { PageView } from "./viewer.js";

const STATES = ["complete", "partial", "needs_review", "reviewed", "rejected"];
const A_PAGE = 50;
const FIELDS = 400;
const AGAIN_MS = 5000;
const MAX_OPEN_REASONS = 5;
const CLAIMED_AS = { partial: "Review", needs_review: "Review", complete: "Correct" };
const FORMATS = [
  ["jsonl", "JSONL", "a field a line, with its evidence"],
  ["csv", "CSV, a field a row", "for checking values"],
  ["rows", "CSV, an item of a list a row", "as a table for a spreadsheet"],
];

export default function Extractions({ parts, query }) {
  return parts[0] === "extraction" ? html`<${One} parts=${parts} />` : html`<${All} query=${query} />`;
}

function All({ query }) {
  const { document = "", status = "" } = query;
  const listed = usePages(
    (cursor, signal) => get("v1/extractions", { document_id: document, status, limit: A_PAGE, cursor }, { signal }),
    [document, status],
    "extractions",
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

function One({ parts }) {
  const id = parts[1];
  const loaded = useLoaded((signal) => get(`v1/extractions/${id}`, {}, { signal }), [id]);
  return html`<${Screen} title=${loaded.value?.path ?? "Extraction"} actions=${loaded.value && html`
      ${loaded.value.status in CLAIMED_AS && html`<a class="button primary" href=${link(["review", id])}>${CLAIMED_AS[loaded.value.status]}</a>`}<${Exports} extraction=${loaded.value} />`}>
    <${Loaded} of=${loaded}>${(extraction) => html`<${Opened} key=${id} extraction=${extraction} />`}<//>
  <//>`;
}

function Opened({ extraction }) {
  const whole = extraction.shown_fields.length >= extraction.fields;
  const paged = usePages(
    (cursor, signal) => (whole ? { items: extraction.shown_fields } : get(`v1/extractions/${extraction.extraction_id}/fields`, { limit: FIELDS, cursor }, { signal })),
    [extraction],
  );
  return html`<${Facts} extraction=${extraction} />
    <${Loaded} of=${paged}>${({ items }) => html`<${Beside} extraction=${extraction} fields=${items} pager=${paged.pager} />`}<//>`;
}

function Beside({ extraction, fields, pager }) {
  const [chosen, setChosen] = useState(null);
  const step = (by) => setChosen((before) => stepped(fields, before, by, isDoubtful));
  useKeys({ j: () => step(1), k: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1) });
  useChosenInSight(chosen);
  const doubtful = fields.filter(isDoubtful).length;
  return html`<div class="columns beside"><section aria-label="Values">
      <div class="actions"><button type="button" disabled=${!doubtful} onClick=${() => step(-1)}>Previous doubtful</button><button type="button" disabled=${!doubtful} onClick=${() => step(1)}>Next doubtful</button><span class="quiet">${count(doubtful)} of ${count(fields.length)} are doubtful</span></div>
      <${Legend} keys=${[[["j", "↓"], "next doubtful"], [["k", "↑"], "previous"]]} />
      <${FieldList} fields=${fields} lists=${extraction.lists} chosen=${chosen} onChoose=${setChosen} />${pager}</section>
    <aside class="opened" aria-label="Page"><${EvidencePage} extraction=${extraction} fields=${fields} chosen=${chosen} onChoose=${setChosen} /></aside></div>`;
}

/** Show the page that the chosen field stands on, with the boxes of all fields on it. */
export function EvidencePage({ extraction, fields, chosen, onChoose, onRanges }) {
  const [turned, setTurned] = useState(null);
  const last = extraction.first_page + extraction.pages - 1;
  const evidence = useMemo(() => fields.find((each) => each.pointer === chosen)?.evidence[0], [fields, chosen]);
  const fallback = fields.find((each) => each.evidence.length)?.evidence[0].page ?? extraction.first_page;
  const page = turned?.chosen === chosen ? turned.page : evidence?.page ?? turned?.page ?? fallback;
  const marks = useMarks(fields, page);
  const turn = (to) => setTurned({ chosen, page: to });
  return html`<header class="opened-head"><a href=${link(["document", extraction.document_id], { version: extraction.version, page })}>${extraction.path}</a>
      <nav class="pager" aria-label="Pages of the document"><button type="button" aria-label="Previous page" disabled=${page <= extraction.first_page} onClick=${() => turn(page - 1)}>‹</button><span>Page ${page} of ${last}</span><button type="button" aria-label="Next page" disabled=${page >= last} onClick=${() => turn(page + 1)}>›</button></nav></header>
    <${PageView} documentId=${extraction.document_id} version=${extraction.version} page=${page} marks=${marks} selected=${chosen} onPick=${(mark) => onChoose(mark.id)} onRanges=${onRanges} />`;
}

export function Facts({ extraction, brief }) {
  const rules = extraction.rules.filter((each) => each.holds === false);
  return html`<p><${Badge} state=${extraction.status} /> ${count(extraction.found)} of ${count(extraction.fields)} fields have a value, the least sure ${percent(extraction.lowest_confidence)}.${" "}<span class="quiet">${extraction.extractor || "By a schema of its own"} · ${extraction.collection} · ${when(extraction.created_at)}</span></p>
    ${extraction.reasons.length > 0 && html`<details open=${!brief && extraction.reasons.length <= MAX_OPEN_REASONS}><summary>Why a person should look at it</summary><ul>${extraction.reasons.map((each) => html`<li>${each}</li>`)}</ul></details>`}
    ${rules.length > 0 && html`<ul>${rules.map((each) => html`<li class="reason">The rule <code>${each.rule}</code> does not hold: ${String(each.left)} and ${String(each.right)}.</li>`)}</ul>`}
    <${Receipt} receipt=${extraction.receipt} />`;
}

function Exports({ extraction }) {
  const [open, setOpen] = useState(false);
  const [fetchFile, busy, error] = useAction(async (format) => {
    const file = await get(`v1/extractions/${extraction.extraction_id}/export`, { format });
    location.assign(file.url);
  });
  const command = `headrace extract ${extraction.extractor || "SCHEMA.json"} --collection ${extraction.collection} --out ${extraction.collection}.parquet`;
  return html`<button type="button" onClick=${() => setOpen(true)}>Export</button>
    ${open && html`<${Dialog} title="Export" onClose=${() => setOpen(false)}>
      <ul class="plain">${FORMATS.map(([format, name, what]) => html`<li><button type="button" disabled=${busy} onClick=${() => fetchFile(format)}>${name}</button> <span class="quiet">${what}</span></li>`)}</ul>
      <${Problem} error=${error} />
      <p>Parquet is written by the command, which reads all documents of a collection into one table:</p><pre tabindex="0">${command}</pre>
      <div class="actions"><${CopyButton} text=${() => command} label="Copy the command" /></div><//>`}`;
}

// Search: passages by meaning and words, what they scored on demand, each opened beside the list.

import { useState } from "preact/hooks";

import { post } from "./api.js";
import { Cited } from "./ask.js";
import { clock } from "./format.js";
import { go } from "./route.js";
import { CollectionChoice, Field, Loaded, Problem, Receipt, Screen, Table, html, useAction, useCollections, usePages } from "./ui.js";

const A_PAGE = 10;
const MAX_HITS = 100;

export default function Search({ query }) {
  const [text, setText] = useState(query.q ?? "");
  const [opened, setOpened] = useState(null);
  const collections = useCollections();
  const found = usePages(
    (cursor, signal) => (query.q ? post("v1/search", { ...bodyOf(query), cursor, rateable: true }, { signal }) : null),
    [query.q, query.collection, query.language],
    "search",
  );
  const submit = (event) => {
    event.preventDefault();
    setOpened(null);
    go(["search"], { ...query, q: text.trim() }, true);
  };
  return html`<${Screen} title="Search">
    <form class="filters" role="search" onSubmit=${submit}>
      <${Field} label="Words"><input type="search" name="q" required maxlength="8192" value=${text} onInput=${(event) => setText(event.target.value)} /><//>
      <${CollectionChoice} of=${collections} value=${query.collection ?? ""} onChoose=${(collection) => go(["search"], { ...query, collection }, true)} />
      <button type="submit" class="primary">Search</button></form>
    ${query.q && html`<div class=${opened ? "columns beside" : ""}><section aria-label="Results">
      <${Loaded} of=${found}>${(page) => html`<p class="quiet" role="status">${page.hits.length ? `${page.hits.length} ${page.hits.length === 1 ? "passage" : "passages"}` : "No passage is near to it."}</p>
        ${page.notices.map((each) => html`<p class="quiet">${each}</p>`)}
        <ol class="hits">${page.hits.map((hit) => html`<${Hit} key=${`${hit.version}/${hit.n}`} hit=${hit} searchId=${page.search_id} onOpen=${setOpened} />`)}</ol>
        <${Receipt} receipt=${page.receipt} />`}<//>
      ${found.pager}
    </section>${opened && html`<aside class="opened" aria-label="Passage"><${Cited} citation=${opened} onClose=${() => setOpened(null)} /></aside>`}</div>`}
  <//>`;
}

function bodyOf({ q, collection }) {
  return { query: q, top_k: MAX_HITS, limit: A_PAGE, ...(collection && { collection }) };
}

function Hit({ hit, searchId, onOpen }) {
  const time = hit.start_ms !== undefined ? ` · ${clock(hit.start_ms)}–${clock(hit.end_ms)}` : "";
  const cited = { ...hit, n: hit.n + 1, quote: hit.text };
  return html`<li><h2><button type="button" class="link" onClick=${() => onOpen(cited)}>${hit.path}</button></h2>
    <p class="quiet">${hit.collection} · page ${hit.page}${time}${hit.heading && ` · ${hit.heading}`}</p>
    <p class="passage">${hit.text}</p>
    ${hit.labels.length > 0 && html`<p class="quiet">Seen: ${hit.labels.map((each) => each.name).join(", ")}</p>`}
    <details><summary>Why it is here</summary><${Scores} hit=${hit} /></details>
    ${searchId && html`<${Rate} searchId=${searchId} hit=${hit} />`}</li>`;
}

function Scores({ hit }) {
  const rows = Object.entries(hit.scores).filter(([, value]) => value !== null);
  return html`<${Table} caption="Scores" rows=${[["score", hit.score], ...rows]} keyOf=${([name]) => name} columns=${[
    { title: "Score", cell: ([name]) => name },
    { title: "Value", cell: ([, value]) => (typeof value === "object" ? Object.entries(value).map(([name, each]) => `${name} ${rounded(each)}`).join(", ") : rounded(value)) },
  ]} />`;
}

const rounded = (value) => (typeof value === "number" ? Number(value.toPrecision(4)) : String(value));

function Rate({ searchId, hit }) {
  const [said, setSaid] = useState("");
  const [rate, busy, error] = useAction(async () => {
    setSaid("");
    const better = { document_id: hit.document_id, version: hit.version, page: hit.page, start: hit.start, end: hit.end };
    await post("v1/feedback", { search_id: searchId, rating: "down", better_passage: better });
    setSaid("Kept: this passage is better.");
  });
  return html`<div class="actions"><button type="button" disabled=${busy} onClick=${rate}>This should be first</button><span role="status" class="quiet">${said}</span></div><${Problem} error=${error} />`;
}

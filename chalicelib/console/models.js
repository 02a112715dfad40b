// Models: what can be called here, by task, with list prices.

import { get } from "./api.js";
import { count } from "./format.js";
import { go, link } from "./route.js";
import { Choice, Loaded, Screen, Table, html, useLoaded } from "./ui.js";

const OPENED = { chat: "chat", image: "images" };

export default function Models({ query }) {
  const { task = "" } = query;
  const loaded = useLoaded((signal) => get("v1/models", {}, { signal }), []);
  return html`<${Screen} title="Models"><${Loaded} of=${loaded}>${({ data }) => html`
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}><${Choice} label="Task" of=${[...new Set(data.map((each) => each.task))].sort()} value=${task} onChoose=${(value) => go(["models"], { task: value }, true)} /></form>
    <${ModelTable} models=${data.filter((each) => !task || each.task === task)} />
    <p class="quiet">AWS's list prices, by the cheapest way from the stage's region. A model that the stage serves itself costs the seconds of its function; of a model without a price here the receipt says what it cost.</p>`}<//><//>`;
}

function ModelTable({ models }) {
  return html`<${Table} caption="Models" rows=${models} keyOf=${(each) => each.id} columns=${[
    { title: "Name", kind: "wide", cell: (each) => html`${OPENED[each.task] ? html`<a href=${link([OPENED[each.task]], { model: each.id })}>${each.id}</a>` : each.id} <span class="quiet">${each.owned_by}</span>
      ${each.aliases.length > 0 && html`<div class="quiet">also ${each.aliases.join(", ")}</div>`}` },
    { title: "Task", cell: (each) => each.task },
    { title: "Tier", kind: "number", cell: (each) => each.tier || "–" },
    { title: "Context", kind: "number", cell: (each) => (each.context_tokens ? count(each.context_tokens) : "–") },
    { title: "Million tokens in", kind: "number", cell: ({ prices }) => price(prices?.million_tokens_in) },
    { title: "out", kind: "number", cell: ({ prices }) => price(prices?.million_tokens_out) },
    { title: "Picture", kind: "number", cell: ({ prices }) => price(prices?.image) },
    { title: "Abilities", kind: "wide", cell: (each) => each.abilities.map((name) => name.replaceAll("_", " ")).join(", ") },
  ]} />`;
}

const price = (text) => (text === null || text === undefined ? "–" : `$${Number(text)}`);

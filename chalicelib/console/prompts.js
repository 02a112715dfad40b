// Prompts: their labels and newest versions.

import { get } from "./api.js";
import { count, when } from "./format.js";
import { PromptForm } from "./prompt-form.js";
import { link } from "./route.js";
import { Loaded, Screen, Table, html, usePages } from "./ui.js";

const A_PAGE = 30;

const NEW = "+";

export default function Prompts({ parts, query }) {
  return parts[1] === NEW ? html`<${PromptForm} key=${query.of} name=${query.of} version=${query.version} />` : html`<${List} />`;
}

function List() {
  const listed = usePages((cursor, signal) => get("v1/prompts", { limit: A_PAGE, cursor }, { signal }), []);
  return html`<${Screen} title="Prompts" actions=${html`<a class="button primary" href=${link(["prompts", NEW])}>New prompt</a>`}>
    <${Loaded} of=${listed}>${({ items }) => html`<${Table} caption="Prompts" rows=${items} keyOf=${(each) => each.name}
      empty=${html`No prompts. <a href=${link(["prompts", NEW])}>Write one</a>.`} columns=${[
        { title: "Name", kind: "wide", cell: (each) => html`<a href=${link(["prompt", each.name])}>${each.name}</a><div class="quiet">${each.description}</div>` },
        { title: "Labels", cell: (each) => Object.entries(each.labels).map(([label, version]) => html`<div>${label} → ${version}</div>`) },
        { title: "Versions", kind: "number", cell: (each) => count(each.versions) },
        { title: "Gate", cell: (each) => (each.suite ? html`${each.suite.name} <span class="quiet">for ${each.suite.labels.join(", ")}</span>` : "–") },
        { title: "Changed", cell: (each) => when(each.updated_at) },
      ]} />`}<//>
    ${listed.pager}
  <//>`;
}

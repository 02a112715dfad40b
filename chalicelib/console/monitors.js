// Monitors: what is captured of which calls, and whether it drifted.

import { get } from "./api.js";
import { count, percent, when } from "./format.js";
import { MonitorForm } from "./monitor-form.js";
import { link } from "./route.js";
import { Loaded, Screen, Table, html, useLoaded } from "./ui.js";

const NEW = "+";

export default function Monitors({ parts, query }) {
  return parts[1] === NEW ? html`<${MonitorForm} key=${query.of} name=${query.of} />` : html`<${List} />`;
}

function List() {
  const loaded = useLoaded((signal) => get("v1/monitors", {}, { signal }), []);
  return html`<${Screen} title="Monitors" actions=${html`<a class="button primary" href=${link(["monitors", NEW])}>New monitor</a>`}><${Loaded} of=${loaded}>${({ items }) => html`<${Table} caption="Monitors" rows=${items} keyOf=${(each) => each.name}
    empty=${html`No monitors: nothing is captured. <a href=${link(["monitors", NEW])}>Make one</a> that captures calls of a prompt, a model or a collection.`} columns=${[
      { title: "Name", kind: "wide", cell: (each) => html`<a href=${link(["monitor", each.name])}>${each.name}</a>` },
      { title: "Watches", cell: (each) => `${each.subject.kind} ${each.subject.name}` },
      { title: "Captured", kind: "number", cell: (each) => percent(each.sample_rate) },
      { title: "Days", kind: "number", cell: (each) => count(each.retention_days) },
      { title: "Compared", cell: (each) => `${count(each.window_calls)} calls with ${count(each.baseline_calls)}` },
      { title: "Changed", cell: (each) => when(each.updated_at) },
    ]} />`}<//><//>`;
}

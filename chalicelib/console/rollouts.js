// Rollouts: which version goes live in stages, how far it is, and which wait for a person.

import { get } from "./api.js";
import { when } from "./format.js";
import { RolloutForm } from "./rollout-form.js";
import { link } from "./route.js";
import { Badge, Loaded, Screen, Table, html, usePages, usePolling } from "./ui.js";

const A_PAGE = 30;
const LATER_MS = 8000;

export const subjectOf = ({ kind, name, label }) => `${kind} ${name}${label ? `@${label}` : ""}`;

const NEW = "+";

export default function Rollouts({ parts, query }) {
  return parts[1] === NEW ? html`<${RolloutForm} subject=${query.kind} name=${query.of} />` : html`<${List} />`;
}

function List() {
  const listed = usePages((cursor, signal) => get("v1/rollouts", { limit: A_PAGE, cursor }, { signal }), []);
  usePolling(listed.reload, LATER_MS, true);
  return html`<${Screen} title="Rollouts" actions=${html`<a class="button primary" href=${link(["rollouts", NEW])}>New rollout</a>`}>
    <${Loaded} of=${listed}>${({ items }) => html`<${Table} caption="Rollouts" rows=${items} keyOf=${(each) => each.rollout_id}
      empty=${html`No rollouts. <a href=${link(["rollouts", NEW])}>Begin one</a>: a prompt, a model or a retrieval setting goes live in stages.`} columns=${[
        { title: "Of", kind: "wide", cell: (each) => html`<a href=${link(["rollout", each.rollout_id])}>${subjectOf(each.subject)}</a> <span class="quiet">${each.live} → ${each.to}</span><div class="quiet">${each.description}</div>${each.reason && html`<div>${each.reason}</div>`}` },
        { title: "State", cell: (each) => html`<${Badge} state=${each.status} />` },
        { title: "Stage", cell: (each) => html`${each.stage + 1} of ${each.stages.length} <span class="quiet">${each.stages[each.stage]?.share ?? 100} %</span>` },
        { title: "Began", cell: (each) => when(each.created_at) },
        { title: "Ended", cell: (each) => when(each.ended_at) },
      ]} />`}<//>
    ${listed.pager}
  <//>`;
}

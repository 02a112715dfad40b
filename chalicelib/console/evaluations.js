// Evaluations: suites that were run, and whether their gates were passed.

import { get } from "./api.js";
import { dollars, when } from "./format.js";
import { EvaluationForm } from "./evaluation-form.js";
import { Counts, isOpen } from "./jobs.js";
import { link } from "./route.js";
import { Badge, Loaded, Screen, Table, html, usePages, usePolling } from "./ui.js";

const A_PAGE = 30;

export const stateOf = (evaluation) => (evaluation.passed === null ? evaluation.status : evaluation.passed ? "passed" : "not passed");

const NEW = "+";

export default function Evaluations({ parts }) {
  return parts[1] === NEW ? html`<${EvaluationForm} />` : html`<${List} />`;
}

function List() {
  const listed = usePages((cursor, signal) => get("v1/evaluations", { limit: A_PAGE, cursor }, { signal }), []);
  usePolling(listed.reload, 2000, listed.value?.items.some(isOpen) ?? false);
  return html`<${Screen} title="Evaluations" actions=${html`<a class="button primary" href=${link(["evaluations", NEW])}>New evaluation</a>`}>
    <${Loaded} of=${listed}>${({ items }) => html`<${Table} caption="Evaluations" rows=${items} keyOf=${(each) => each.evaluation_id}
      empty=${html`No evaluations. <a href=${link(["evaluations", NEW])}>Run one</a>: cases, graded, for prompts and models.`} columns=${[
        { title: "Suite", kind: "wide", cell: (each) => html`<a href=${link(["evaluation", each.evaluation_id])}>${each.suite}</a><div class="quiet id">${each.evaluation_id}</div>${each.error && html`<div class="reason">${each.error.message}</div>`}` },
        { title: "Gate", cell: (each) => html`<${Badge} state=${stateOf(each)} />` },
        { title: "Scores", cell: (each) => each.targets.map((target) => html`<div>${target.target}: ${target.score.mean.toFixed(3)}</div>`) },
        { title: "Progress", cell: (each) => html`<${Counts} of=${each.counts} />` },
        { title: "Cost", kind: "number", cell: (each) => (each.receipt ? dollars(each.receipt.dollars) : "–") },
        { title: "Began", cell: (each) => when(each.created_at) },
      ]} />`}<//>
    ${listed.pager}
  <//>`;
}

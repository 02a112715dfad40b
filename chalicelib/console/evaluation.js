// One evaluation: scores of its targets with their intervals, the gate's verdict, and its reports.

import { get } from "./api.js";
import { bytes, count, percent, when } from "./format.js";
import { stateOf } from "./evaluations.js";
import { Counts, JobActions, isOpen } from "./jobs.js";
import { link } from "./route.js";
import { Badge, Loaded, Receipt, Screen, Table, html, useLoaded, usePolling } from "./ui.js";

export default function EvaluationScreen({ parts }) {
  const path = `v1/evaluations/${parts[1]}`;
  const loaded = useLoaded((signal) => get(path, {}, { signal }), [path]);
  usePolling(loaded.reload, 1500, loaded.value ? isOpen(loaded.value) : false);
  return html`<${Screen} title=${loaded.value?.suite ?? "Evaluation"}><${Loaded} of=${loaded}>${(evaluation) => html`
    <dl class="facts"><dt>Evaluation</dt><dd class="id"><a href=${link(["job", evaluation.evaluation_id])}>${evaluation.evaluation_id}</a></dd>
      <dt>State</dt><dd><${Badge} state=${stateOf(evaluation)} /> <span class="quiet" role="status">${evaluation.phase}</span>${evaluation.error && html`<div class="reason">${evaluation.error.type}: ${evaluation.error.message}</div>`}</dd>
      <dt>Progress</dt><dd><${Counts} of=${evaluation.counts} /> <span class="quiet">${count(evaluation.asked)} calls made, ${count(evaluation.cached)} answers were there already</span></dd>
      ${evaluation.baseline && html`<dt>Against</dt><dd><a href=${link(["evaluation", evaluation.baseline])}>${evaluation.baseline}</a></dd>`}
      <dt>Began</dt><dd>${when(evaluation.created_at)}</dd>
      ${evaluation.receipt && html`<dt>Cost</dt><dd><${Receipt} receipt=${evaluation.receipt} /></dd>`}</dl>
    <${JobActions} job=${{ ...evaluation, job_id: evaluation.evaluation_id, kind: "evaluation" }} reload=${loaded.reload} />
    <${Scores} targets=${evaluation.targets} />
    <${Verdict} verdict=${evaluation.verdict} />
    ${evaluation.results.length > 0 && html`<h2>Reports</h2><${Table} caption="Reports" rows=${evaluation.results} keyOf=${(each) => each.name} columns=${[
      { title: "File", kind: "wide", cell: (each) => html`<a href=${each.url} download=${each.name}>${each.name}</a>` }, { title: "Size", kind: "number", cell: (each) => bytes(each.bytes) }]} /><p class="quiet">Kept until ${when(evaluation.results_until)}.</p>`}`}<//><//>`;
}

const interval = ({ mean, low, high, n }) => html`${mean.toFixed(3)} <span class="quiet">${low === null ? "" : `${low.toFixed(3)} to ${high.toFixed(3)}, `}${count(n)} cases</span>`;

function Scores({ targets }) {
  if (!targets.length) return null;
  return html`<h2>Scores</h2><${Table} caption="Scores" rows=${targets} keyOf=${(each) => each.target} columns=${[
    { title: "Target", kind: "wide", cell: (each) => each.target },
    { title: "", cell: (each) => html`<${Range} score=${each.score} label=${`${each.target}: ${each.score.mean.toFixed(3)}`} />` },
    { title: "Score, 95 %", cell: (each) => interval(each.score) },
    { title: "Passed", kind: "number", cell: (each) => percent(each.pass_rate) },
  ]} />`;
}

function Range({ score, label }) {
  const at = (share) => 4 + 192 * share;
  return html`<svg class="range" viewBox="0 0 200 16" width="200" height="16" role="img" aria-label=${label}><path class="way" d="M4 8H196" />
    ${score.low !== null && html`<path class="spread" d=${`M${at(score.low)} 8H${at(score.high)}`} />`}<circle cx=${at(score.mean)} cy="8" r="4" /></svg>`;
}

function Verdict({ verdict }) {
  if (!verdict) return null;
  return html`<h2>Gate</h2><p><${Badge} state=${verdict.passed ? "passed" : "not passed"} /></p>
    ${verdict.reasons.length > 0 && html`<ul>${verdict.reasons.map((each) => html`<li>${each}</li>`)}</ul>`}
    ${verdict.comparisons.length > 0 && html`<${Table} caption="Comparisons" rows=${verdict.comparisons} keyOf=${(each) => `${each.target}/${each.against}`} columns=${[
      { title: "Target", kind: "wide", cell: (each) => html`${each.target} <span class="quiet">against ${each.against}</span>` },
      { title: "Difference, 95 %", cell: (each) => interval(each.difference) },
      { title: "Better", kind: "number", cell: (each) => count(each.better) }, { title: "Same", kind: "number", cell: (each) => count(each.same) }, { title: "Worse", kind: "number", cell: (each) => count(each.worse) },
    ]} />`}
    ${verdict.worse.length > 0 && html`<h2>Cases that became worse</h2><${Table} caption="Cases that became worse" rows=${verdict.worse} keyOf=${(each) => each.case} columns=${[
      { title: "Case", kind: "wide", cell: (each) => each.case }, { title: "Before", kind: "number", cell: (each) => each.before.toFixed(2) }, { title: "After", kind: "number", cell: (each) => each.after.toFixed(2) }]} />`}`;
}

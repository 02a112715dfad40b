// One job: its progress, results and cost, and the state machine that works on it.

import { get } from "./api.js";
import { bytes, count, dollars, when } from "./format.js";
import { Execution } from "./execution.js";
import { FailedItems, hasFailed } from "./failed-items.js";
import { Counts, JobActions, isOpen } from "./jobs.js";
import { link } from "./route.js";
import { Badge, Loaded, Problem, Receipt, Screen, Table, html, useAction, useLoaded, usePolling } from "./ui.js";

const SOON_MS = 1500;
const LATER_MS = 5000;
const WITH_PARTIAL = new Set(["batch", "evaluation"]);

export default function JobScreen({ parts }) {
  const id = parts[1];
  const loaded = useLoaded((signal) => get(`v1/jobs/${id}`, {}, { signal }), [id]);
  const execution = useLoaded((signal) => get(`v1/jobs/${id}/execution`, {}, { signal }), [id, loaded.value?.attempt, loaded.value?.status]);
  const refresh = () => Promise.all([loaded.reload(), execution.reload()]);
  // The execution of a job that was cancelled goes on until its step ends.
  const moves = loaded.value ? isOpen(loaded.value) || execution.value?.status === "running" : false;
  usePolling(refresh, loaded.value?.status === "paused" ? LATER_MS : SOON_MS, moves);
  const kind = loaded.value?.kind.replaceAll("_", " ") ?? "Job";
  return html`<${Screen} title=${kind[0].toUpperCase() + kind.slice(1)}>
    <${Loaded} of=${loaded}>${(job) => html`<div class="halves">
      <section aria-label="Job"><${JobView} job=${job} reload=${refresh} /></section>
      <section aria-label="Execution"><h2>State machine</h2>
        ${execution.error?.status === 404 ? html`<p class="quiet">${execution.error.message}</p>` : html`<${Loaded} of=${execution}>${(value) => html`<${Execution} execution=${value} />`}<//>`}
      </section></div>`}<//>
  <//>`;
}

function JobView({ job, reload }) {
  return html`<dl class="facts">
      <dt>Job</dt><dd class="id">${job.job_id}</dd>
      <dt>State</dt><dd><${Badge} state=${job.status} /> <span class="quiet" role="status">${job.phase}</span>${job.error && html`<${Failure} error=${job.error} />`}</dd>
      <dt>Progress</dt><dd><${Counts} of=${job.counts} /></dd>
      ${job.collection && html`<dt>Collection</dt><dd><a href=${link(["documents"], { collection: job.collection })}>${job.collection}</a></dd>`}
      ${job.model && html`<dt>Model</dt><dd>${job.model}</dd>`}
      ${job.prompts.map((each) => html`<dt>Prompt</dt><dd><a href=${link(["prompt", each.name])}>${each.name}</a> version ${each.version}</dd>`)}
      <dt>Began</dt><dd>${when(job.created_at)}${job.attempt > 1 && html`, attempt ${job.attempt}`}</dd>
      <dt>Changed</dt><dd>${when(job.updated_at)}</dd>
      ${job.deadline && html`<dt>Deadline</dt><dd>${when(job.deadline)}</dd>`}
      ${job.receipt && html`<dt>Cost</dt><dd><${Receipt} receipt=${job.receipt} /></dd>`}</dl>
    ${job.notes.map((each) => html`<p class="quiet">${each}</p>`)}
    <${Estimate} job=${job} />
    <${JobActions} job=${job} reload=${reload} />
    ${hasFailed(job) && html`<${FailedItems} job=${job} />`}
    <${Results} job=${job} />
    ${job.backups.length > 0 && html`<h2>What backups still hold</h2><${Table} caption="Backups" rows=${job.backups} keyOf=${(each) => each.where + each.what} columns=${[
      { title: "Where", kind: "wide", cell: (each) => each.where }, { title: "What", kind: "wide", cell: (each) => each.what }, { title: "Days", kind: "number", cell: (each) => each.days }]} />`}`;
}

function Failure({ error }) {
  return html`<div class="reason"><strong>${error.type}</strong>${error.state && html` in ${error.state}`}: ${error.message}</div>`;
}

/** Show what a batch may cost, before it is confirmed and beside what it did cost. */
function Estimate({ job }) {
  const { estimate } = job;
  if (!estimate) return null;
  return html`<h2>Estimate</h2><p><strong>${count(estimate.items)} ${estimate.items === 1 ? "call" : "calls"}, at most ${dollars(estimate.dollars)}</strong> if the first model answers each; with every fallback and repeat at most ${dollars(estimate.dollars_bound)} a round.</p>
    <${Table} caption="Estimate by model" rows=${estimate.models} keyOf=${(each) => each.wanted} columns=${[
      { title: "Model", kind: "wide", cell: (each) => html`${each.wanted}${each.model && each.model !== each.wanted && html` → ${each.model}`}${each.words.map((word) => html`<div class="quiet">${word}</div>`)}` },
      { title: "Calls", kind: "number", cell: (each) => count(each.items) },
      { title: "Tokens in", kind: "number", cell: (each) => count(each.tokens_in) },
      { title: "out", kind: "number", cell: (each) => count(each.tokens_out) },
    ]} />`;
}

function Results({ job }) {
  const [partial, busy, error] = useAction(async () => {
    const file = await get(`v1/jobs/${job.job_id}/partial`);
    window.location.assign(file.url);
  });
  const early = WITH_PARTIAL.has(job.kind) && job.counts.done > 0 && (isOpen(job) || job.status === "cancelled");
  if (!job.results.length && !early) return null;
  return html`<h2>Results</h2>
    ${early && html`<p><button type="button" disabled=${busy} onClick=${partial}>Download what is there so far</button></p><${Problem} error=${error} />`}
    ${job.results.length > 0 && html`<${Table} caption="Results" rows=${job.results} keyOf=${(each) => each.name} columns=${[
      { title: "File", kind: "wide", cell: (each) => html`<a href=${each.url} download=${each.name}>${each.name}</a>` },
      { title: "Size", kind: "number", cell: (each) => bytes(each.bytes) },
    ]} /><p class="quiet">Kept until ${when(job.results_until)}.</p>`}`;
}

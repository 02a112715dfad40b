// Jobs: what runs and ran, by kind and state, a page at a time; and what may be done with each.

import { get, post, remove } from "./api.js";
import { count, dollars, when } from "./format.js";
import { go, link } from "./route.js";
import { Badge, Choice, ConfirmButton, Loaded, Problem, Screen, Table, html, useAction, usePages, usePolling } from "./ui.js";

const KINDS = ["batch", "evaluation", "export", "extraction", "scheduled_run", "rollout", "embed_pictures", "reindex", "remove_document", "remove_collection", "remove_tenant"];
const STATES = ["queued", "running", "paused", "succeeded", "partial", "failed", "cancelled", "expired"];
const OPEN = new Set(["queued", "running", "paused"]);
const PAUSABLE = new Set(["batch", "evaluation"]);
const RETRYABLE = new Set(["failed", "partial", "cancelled"]);
const A_PAGE = 30;
const SOON_MS = 1500;
const LATER_MS = 8000;

export const isOpen = (job) => OPEN.has(job.status);

export default function Jobs({ query }) {
  const { kind = "", status = "" } = query;
  const listed = usePages((cursor, signal) => get("v1/jobs", { kind, status, limit: A_PAGE, cursor }, { signal }), [kind, status]);
  usePolling(listed.reload, listed.value?.items.some(isOpen) ? SOON_MS : LATER_MS, true);
  const choose = (change) => go(["jobs"], { ...query, ...change }, true);
  return html`<${Screen} title="Jobs">
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <${Choice} label="Kind" of=${KINDS} value=${kind} onChoose=${(value) => choose({ kind: value })} />
      <${Choice} label="State" of=${STATES} value=${status} onChoose=${(value) => choose({ status: value })} />
    </form>
    <${Loaded} of=${listed}>${(page) => html`<${JobTable} jobs=${page.items} reload=${listed.reload} empty="No such job. Batches, exports, evaluations and runs of schedules stand here." />`}<//>
    ${listed.pager}
  <//>`;
}

export function JobTable({ jobs, reload, empty }) {
  return html`<${Table} caption="Jobs" rows=${jobs} keyOf=${(each) => each.job_id} empty=${empty} columns=${[
    { title: "Job", kind: "wide", cell: (each) => html`<a href=${link(["job", each.job_id])}>${each.kind.replaceAll("_", " ")}</a> <span class="quiet">${[each.collection, each.model].filter(Boolean).join(", ")}</span>
      <div class="quiet id">${each.job_id}</div>${each.error && html`<div class="reason">${each.error.type}: ${each.error.message}</div>`}` },
    { title: "State", cell: (each) => html`<${Badge} state=${each.status} />${isOpen(each) && html`<div class="quiet">${each.phase}</div>`}` },
    { title: "Progress", cell: (each) => html`<${Counts} of=${each.counts} />` },
    { title: "Cost", kind: "number", cell: (each) => (each.receipt ? dollars(each.receipt.dollars) : "–") },
    { title: "Began", cell: (each) => when(each.created_at) },
    { title: "", cell: (each) => html`<${JobActions} job=${each} reload=${reload} />` },
  ]} />`;
}

/** Show how many items are done, and of the others why not. */
export function Counts({ of }) {
  if (!of.total) return html`<span class="quiet">–</span>`;
  const rest = ["failed", "cancelled", "expired"].filter((each) => of[each]);
  return html`<div>${count(of.done)} of ${count(of.total)}${rest.map((each) => html`, <span class="reason">${count(of[each])} ${each}</span>`)}
    <progress max=${of.total} value=${of.done} aria-label="Done"></progress></div>`;
}

/** The buttons for what may be done with a job in its state; `reload` shows what became of it. */
export function JobActions({ job, reload }) {
  const [run, busy, error] = useAction(async (what) => {
    await post(`v1/jobs/${job.job_id}/${what}`, {});
    await reload();
  });
  const cancelled = async () => {
    await remove(`v1/jobs/${job.job_id}`);
    await reload();
  };
  const button = (what, label) => html`<button type="button" class=${what === "resume" ? "primary" : ""} disabled=${busy} onClick=${() => run(what)}>${label}</button>`;
  return html`<div class="actions">
    ${PAUSABLE.has(job.kind) && ["queued", "running"].includes(job.status) && button("pause", "Pause")}
    ${job.status === "paused" && button("resume", job.kind === "batch" && !job.counts.done ? "Confirm and start" : "Resume")}
    ${RETRYABLE.has(job.status) && job.kind !== "scheduled_run" && button("retry", { cancelled: "Go on", partial: "Retry what failed" }[job.status] ?? "Retry")}
    ${isOpen(job) && job.kind !== "remove_tenant" && html`<${ConfirmButton} label="Cancel" question="What is done stays done and is paid for; the rest is not begun." onConfirm=${cancelled} />`}
    <${Problem} error=${error} /></div>`;
}

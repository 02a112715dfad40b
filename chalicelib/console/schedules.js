// Schedules: what runs by the clock, when next, and how the last run went.

import { get, post, remove } from "./api.js";
import { count, dollars, when } from "./format.js";
import { link } from "./route.js";
import { ScheduleForm } from "./schedule-form.js";
import { Badge, ConfirmButton, Loaded, Problem, Screen, Table, html, useAction, usePages, usePolling } from "./ui.js";

const A_PAGE = 30;
const LATER_MS = 5000;

const NEW = "+";

export default function Schedules({ parts, query }) {
  return parts[1] === NEW ? html`<${ScheduleForm} key=${query.of} name=${query.of} />` : html`<${List} />`;
}

function List() {
  const listed = usePages((cursor, signal) => get("v1/schedules", { limit: A_PAGE, cursor }, { signal }), []);
  usePolling(listed.reload, LATER_MS, true);
  return html`<${Screen} title="Schedules" actions=${html`<a class="button primary" href=${link(["schedules", NEW])}>New schedule</a>`}>
    <${Loaded} of=${listed}>${({ items }) => html`<${Table} caption="Schedules" rows=${items} keyOf=${(each) => each.schedule_id}
      empty=${html`No schedules. <a href=${link(["schedules", NEW])}>Make one</a>: a nightly batch, a sync, an export, a report.`} columns=${[
        { title: "Name", kind: "wide", cell: (each) => html`<a href=${link(["schedule", each.name])}>${each.name}</a><div class="quiet">${purpose(each.terms)}</div>${each.reason && html`<div class="reason">${each.reason}</div>`}` },
        { title: "State", cell: (each) => html`<${Badge} state=${each.status} />${each.running && html`<div class="quiet">running</div>`}` },
        { title: "When", cell: (each) => html`<code>${each.terms.expression}</code><div class="quiet">${each.terms.time_zone}</div>` },
        { title: "Next", cell: (each) => (each.status === "active" && each.next.length ? when(each.next[0]) : "–") },
        { title: "Last run", cell: (each) => (each.last_run ? html`<${Badge} state=${each.last_run.status} /><div class="quiet">${when(each.last_run.scheduled_at)}</div>` : "–") },
        { title: "", cell: (each) => html`<${ScheduleActions} schedule=${each} reload=${listed.reload} />` },
      ]} />`}<//>
    ${listed.pager}
  <//>`;
}

/** Say what a schedule does, in a line. */
export function purpose({ work, description }) {
  const on = work.source?.uri ?? work.source?.collection ?? work.uri ?? work.collection ?? work.suite?.name ?? work.monitor ?? "";
  const by = work.prompt?.name ?? work.extractor ?? "";
  return [description, [work.kind.replaceAll("_", " "), on && `of ${on}`, by && `by ${by}`, work.period && `a ${work.period}`].filter(Boolean).join(" ")].filter(Boolean).join(": ");
}

export function ScheduleActions({ schedule, reload, onRemoved }) {
  const path = `v1/schedules/${encodeURIComponent(schedule.name)}`;
  const [run, busy, error] = useAction(async (what) => {
    await post(`${path}/${what}`, {});
    await reload();
  });
  const removed = async () => {
    await remove(path);
    await onRemoved();
  };
  const button = (what, label) => html`<button type="button" disabled=${busy} onClick=${() => run(what)}>${label}</button>`;
  return html`<div class="actions">
    ${schedule.status !== "ended" && button("run", "Run now")}
    ${schedule.status === "active" && button("pause", "Pause")}
    ${schedule.status === "paused" && button("resume", "Resume")}
    ${onRemoved && html`<a class="button" href=${link(["schedules", NEW], { of: schedule.name })}>Change</a><${ConfirmButton} label="Delete" question=${`${schedule.name} is deleted with the history of its runs. What its runs wrote stays.`} onConfirm=${removed} />`}
    <${Problem} error=${error} /></div>`;
}

export function RunTable({ runs }) {
  return html`<${Table} caption="Runs" rows=${runs} keyOf=${(each) => each.run_id} empty="No run yet." columns=${[
    { title: "Of", kind: "wide", cell: (each) => html`${each.job_id ? html`<a href=${link(["job", each.job_id])}>${when(each.scheduled_at)}</a>` : when(each.scheduled_at)} <span class="quiet">${each.trigger.replaceAll("_", " ")}</span>
      ${each.reason && html`<div class="reason">${each.reason}</div>`}${each.missed && html`<div class="quiet">${count(each.missed.count)} times missed, ${when(each.missed.first)} to ${when(each.missed.last)}</div>`}${each.notes.map((note) => html`<div class="quiet">${note}</div>`)}` },
    { title: "State", cell: (each) => html`<${Badge} state=${each.status} />` },
    { title: "Items", kind: "number", cell: (each) => (each.counts ? `${count(each.counts.done)} of ${count(each.counts.total)}` : "–") },
    { title: "Cost", kind: "number", cell: (each) => (each.receipt ? dollars(each.receipt.dollars) : "–") },
    { title: "Ended", cell: (each) => when(each.ended_at) },
  ]} />`;
}

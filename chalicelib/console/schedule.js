// One schedule: its terms, its next times, and its runs.

import { get } from "./api.js";
import { dollars, inZone, when } from "./format.js";
import { go } from "./route.js";
import { RunTable, ScheduleActions, purpose } from "./schedules.js";
import { Badge, Loaded, Screen, html, useLoaded, usePages, usePolling } from "./ui.js";

const UNDER_WAY = new Set(["waiting", "running"]);
const SOON_MS = 1500;
const LATER_MS = 8000;

export default function ScheduleScreen({ parts }) {
  const name = parts[1];
  const path = `v1/schedules/${encodeURIComponent(name)}`;
  const loaded = useLoaded((signal) => get(path, {}, { signal }), [path]);
  const runs = usePages((cursor, signal) => get(`${path}/runs`, { limit: 20, cursor }, { signal }), [path]);
  const refresh = () => Promise.all([loaded.reload(), runs.reload()]);
  const busy = runs.value?.items.some((each) => UNDER_WAY.has(each.status));
  usePolling(refresh, busy ? SOON_MS : LATER_MS, !loaded.error);
  return html`<${Screen} title=${name}>
    <${Loaded} of=${loaded}>${(schedule) => html`<${Terms} schedule=${schedule} />
      <${ScheduleActions} schedule=${schedule} reload=${refresh} onRemoved=${() => go(["schedules"])} />
      <h2>Next</h2>${schedule.status === "active" && schedule.next.length ? html`<ol class="times">${schedule.next.map((time) => html`<li><time datetime=${time}>${inZone(time, schedule.terms.time_zone)}</time> <span class="quiet">${when(time)} here</span></li>`)}</ol>` : html`<p class="quiet">It is ${schedule.status}: no time is next.</p>`}
      <details><summary>All terms</summary><pre tabindex="0">${JSON.stringify(schedule.terms, null, 2)}</pre></details>`}<//>
    <h2>Runs</h2>
    <${Loaded} of=${runs}>${({ items }) => html`<${RunTable} runs=${items} />`}<//>
    ${runs.pager}
  <//>`;
}

function Terms({ schedule }) {
  const { terms } = schedule;
  return html`<dl class="facts">
    <dt>State</dt><dd><${Badge} state=${schedule.status} />${schedule.reason && html`<div class="reason">${schedule.reason}</div>`}${schedule.failures > 0 && html`<div class="quiet">${schedule.failures} failures in a row; paused after ${terms.pause_after}</div>`}</dd>
    <dt>What</dt><dd>${purpose(terms)}</dd>
    <dt>When</dt><dd><code>${terms.expression}</code> in ${terms.time_zone}</dd>
    <dt>Budget</dt><dd>${terms.budget ? `at most ${dollars(terms.budget)} a run` : "none of its own"}</dd>
    <dt>If the last run goes on</dt><dd>${terms.overlap}</dd>
    <dt>Of missed times</dt><dd>${terms.catch_up}</dd></dl>`;
}

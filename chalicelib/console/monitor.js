// One monitor: what its last look found, feature by feature, and the calls that were captured.

import { get, remove } from "./api.js";
import { count, dollars, percent, when } from "./format.js";
import { Plot } from "./plot.js";
import { go, link } from "./route.js";
import { Badge, ConfirmButton, Loaded, Receipt, Screen, Table, html, useLoaded, usePages } from "./ui.js";

const TONES = { drifted: "bad", steady: "good" };

export default function MonitorScreen({ parts }) {
  const name = parts[1];
  const path = `v1/monitors/${encodeURIComponent(name)}`;
  const loaded = useLoaded((signal) => get(path, {}, { signal }), [path]);
  const report = useLoaded((signal) => get(`${path}/report`, {}, { signal }), [path]);
  const calls = usePages((cursor, signal) => get(`${path}/calls`, { limit: 20, cursor }, { signal }), [path]);
  const reset = async () => {
    await remove(`${path}/baselines`);
    await report.reload();
  };
  const removed = async () => {
    await remove(path);
    go(["monitors"]);
  };
  return html`<${Screen} title=${name} actions=${html`<a class="button" href=${link(["monitors", "+"], { of: name })}>Change</a><${ConfirmButton} label="Delete" question=${`Nothing is captured for ${name} any more, and what was captured expires.`} onConfirm=${removed} />`}>
    <${Loaded} of=${loaded}>${(monitor) => html`<dl class="facts"><dt>Watches</dt><dd>${monitor.subject.kind} ${monitor.subject.name}</dd>
      <dt>Captured</dt><dd>${percent(monitor.sample_rate)} of calls for ${count(monitor.retention_days)} days; masked: ${monitor.mask.join(", ") || "nothing"}</dd></dl>
      <h2>Drift</h2>
      ${report.error?.status === 404 ? html`<p class="quiet">${report.error.message}</p>` : html`<${Loaded} of=${report}>${(found) => html`<${Report} report=${found} minPsi=${monitor.min_psi} />`}<//>`}
      <div class="actions"><${ConfirmButton} label="Make new baselines" question="The next look makes the baseline of each version anew; until then nothing counts as drift." onConfirm=${reset} /></div>`}<//>
    <h2>Captured calls</h2>
    <${Loaded} of=${calls}>${({ items }) => html`<${Calls} calls=${items} />`}<//>
    ${calls.pager}
  <//>`;
}

function Report({ report, minPsi }) {
  const { features } = report;
  const label = (each) => (each.category ? `${each.name}: ${each.category}` : each.name);
  const values = (drifted) => features.map((each) => (each.drifted === drifted ? each.psi : null));
  return html`<p><span class=${`badge ${TONES[report.status] ?? ""}`}>${report.status.replaceAll("_", " ")}</span> ${when(report.time)}, version ${report.version || "–"}: ${count(report.window_calls)} newest calls against ${count(report.baseline_calls)} of the baseline.</p>
    ${report.drifted.map((each) => html`<p class="reason">${each} has drifted.</p>`)}${report.news.length > 0 && html`<p class="quiet">New since the look before: ${report.news.join(", ")}.</p>`}
    ${features.length > 0 && html`<${Plot} label=${`Population stability index of ${features.length} features; ${features.filter((each) => each.drifted).length} drifted`} x=${features.map((_, n) => n)} names=${features.map(label)}
      series=${[{ label: "Steady", values: values(false), bars: true }, { label: "Drifted", values: values(true), bars: true, tone: "bad" }]} marks=${[{ value: minPsi, label: "Least that counts" }]} format=${(value) => Number(value.toPrecision(3)).toString()} />
      <p class="quiet">A feature has drifted if its index reaches the line and its p is small enough for the false alarms that the monitor allows.</p>
      <${Table} caption="Features" rows=${features} keyOf=${label} columns=${[
        { title: "Feature", kind: "wide", cell: label }, { title: "Baseline", kind: "number", cell: (each) => number(each.baseline) }, { title: "Newest", kind: "number", cell: (each) => number(each.window) },
        { title: "PSI", kind: "number", cell: (each) => number(each.psi) }, { title: "p", kind: "number", cell: (each) => each.p_value.toPrecision(2) },
        { title: "", cell: (each) => each.drifted && html`<span class="badge bad">drifted</span>` }]} />`}
    ${report.quality && html`<p>Graded answers: ${count(report.quality.passed)} of ${count(report.quality.calls)} passed, ${count(report.quality.baseline_passed)} of ${count(report.quality.baseline_calls)} in the baseline${report.quality.drifted ? html`, <span class="reason">which is drift</span>` : ""}.</p>`}
    <${Receipt} receipt=${report.receipt} />`;
}

const number = (value) => Number(value.toPrecision(3)).toString();

function Calls({ calls }) {
  return html`<${Table} caption="Captured calls" rows=${calls} keyOf=${(each) => each.id} empty="No call was captured yet." columns=${[
    { title: "When", cell: (each) => html`${when(each.created_at)}<div class="quiet">version ${each.version}${each.arm && `, ${each.arm}`}</div>` },
    { title: "Outcome", cell: (each) => html`<${Badge} state=${each.outcome} />${each.error_type && html`<div class="reason">${each.error_type}</div>`}` },
    { title: "Input", kind: "wide", cell: (each) => html`<div class="passage">${each.input ?? "–"}</div>` },
    { title: "Output", kind: "wide", cell: (each) => html`<div class="passage">${each.output ?? "–"}</div>` },
    { title: "ms", kind: "number", cell: (each) => count(each.latency_ms) },
    { title: "Cost", kind: "number", cell: (each) => dollars(String(each.nanodollars / 1e9)) },
  ]} />`;
}

// One rollout: its stages, what its guards have seen of both arms, and a person's decision.

import { useState } from "preact/hooks";

import { get, post } from "./api.js";
import { count, dollars, percent, when } from "./format.js";
import { Plot } from "./plot.js";
import { subjectOf } from "./rollouts.js";
import { Badge, ConfirmButton, Field, Loaded, Problem, Receipt, Screen, Table, html, useAction, useLoaded, usePolling } from "./ui.js";

const OPEN = new Set(["preparing", "running", "waiting"]);
const PAIRED = new Set(["latency", "cost", "preference"]);
const SOON_MS = 3000;

export default function RolloutScreen({ parts }) {
  const path = `v1/rollouts/${parts[1]}`;
  const loaded = useLoaded((signal) => get(path, {}, { signal }), [path]);
  usePolling(loaded.reload, SOON_MS, OPEN.has(loaded.value?.status));
  return html`<${Screen} title=${loaded.value ? subjectOf(loaded.value.subject) : "Rollout"}><${Loaded} of=${loaded}>${(rollout) => html`
    <dl class="facts"><dt>State</dt><dd><${Badge} state=${rollout.status} /> <span role="status">${rollout.reason}</span></dd>
      <dt>Versions</dt><dd>${rollout.live} is live, ${rollout.to} is the candidate</dd>
      ${rollout.description && html`<dt>For</dt><dd>${rollout.description}</dd>`}
      <dt>Began</dt><dd>${when(rollout.created_at)}</dd>${rollout.ended_at && html`<dt>Ended</dt><dd>${when(rollout.ended_at)}</dd>`}
      ${rollout.receipt && html`<dt>Shadow answers cost</dt><dd><${Receipt} receipt=${rollout.receipt} /> <span class="quiet">of at most ${dollars(rollout.shadow_budget)}</span></dd>`}</dl>
    <${Decision} rollout=${rollout} path=${path} reload=${loaded.reload} />
    <h2>Stages</h2><${Stages} rollout=${rollout} />
    <${Windows} windows=${rollout.windows} />
    <${Guards} rollout=${rollout} />`}<//><//>`;
}

function Decision({ rollout, path, reload }) {
  const [reason, setReason] = useState("");
  const [decide, busy, error] = useAction(async (what) => {
    await post(`${path}/${what}`, reason.trim() ? { reason: reason.trim() } : {});
    await reload();
  });
  const aborted = async () => {
    await post(`${path}/abort`, reason.trim() ? { reason: reason.trim() } : {});
    await reload();
  };
  if (!OPEN.has(rollout.status)) return null;
  return html`<form onSubmit=${(event) => event.preventDefault()}><${Field} label="Your reason, kept with the decision"><input maxlength="500" value=${reason} onInput=${(event) => setReason(event.target.value)} /><//>
    <div class="actions">${rollout.status === "waiting" && html`<button type="button" class="primary" disabled=${busy} onClick=${() => decide("approve")}>Approve</button><button type="button" disabled=${busy} onClick=${() => decide("reject")}>Reject</button>`}
      <${ConfirmButton} label="Abort" question=${`${rollout.live} answers every call again, and the rollout ends.`} onConfirm=${aborted} /></div><${Problem} error=${error} /></form>`;
}

function Stages({ rollout }) {
  const reports = new Map(rollout.reports.map((each) => [each.stage, each]));
  const rows = rollout.stages.map((stage, n) => ({ ...stage, n, report: reports.get(n) }));
  return html`<${Table} caption="Stages" rows=${rows} keyOf=${(each) => each.n} columns=${[
    { title: "Stage", cell: (each) => html`${each.n + 1}${each.n === rollout.stage && OPEN.has(rollout.status) && html` <${Badge} state="running" />`}` },
    { title: "Candidate's share", kind: "number", cell: (each) => (each.shadow ? "shadow" : `${each.share} %`) },
    { title: "Calls of live", kind: "number", cell: ({ report }) => (report ? count(report.live_calls) : "–") },
    { title: "of candidate", kind: "number", cell: ({ report }) => (report ? count(report.candidate_calls) : "–") },
    { title: "Began", cell: ({ report }) => when(report?.began_at) },
    { title: "Ended", cell: ({ report }) => when(report?.ended_at) },
    { title: "Note", kind: "wide", cell: ({ report, approval }) => [report?.approved_by && `approved by ${report.approved_by}`, report?.note, !report && approval && "waits for approval"].filter(Boolean).join(", ") },
  ]} />`;
}

function Windows({ windows }) {
  if (windows.length < 2) return null;
  return html`<h2>Calls at each look</h2><${Plot} label=${`Calls of both arms at ${windows.length} looks`} dates=${true} x=${windows.map((each) => Date.parse(each.at) / 1000)}
    series=${[{ label: "Live", values: windows.map((each) => each.live_calls), tone: "quiet" }, { label: "Candidate", values: windows.map((each) => each.candidate_calls) }]} format=${count} />`;
}

function Guards({ rollout }) {
  const evidence = new Map((rollout.reports.at(-1)?.evidence ?? []).map((each) => [each.guard.metric, each]));
  const rows = rollout.guards.map((guard) => ({ guard, ...evidence.get(guard.metric) }));
  const share = (arm) => (arm?.calls ? html`${percent(arm.events / arm.calls)} <span class="quiet">${count(arm.events)} of ${count(arm.calls)}</span>` : "–");
  return html`<h2>Guards at this stage</h2><${Table} caption="Guards" rows=${rows} keyOf=${(each) => each.guard.metric} columns=${[
    { title: "Metric", cell: ({ guard }) => html`${guard.metric.replaceAll("_", " ")}${guard.threshold_ms && html` <span class="quiet">over ${guard.threshold_ms} ms</span>`}` },
    { title: "Margin", kind: "number", cell: ({ guard }) => percent(guard.margin) },
    { title: "Live", kind: "number", cell: (each) => (PAIRED.has(each.guard.metric) ? html`<span class="quiet">in pairs</span>` : share(each.live)) },
    { title: "Candidate", kind: "number", cell: (each) => share(each.candidate) },
    { title: "Verdict", cell: (each) => html`<${Badge} state=${each.verdict ?? "not looked yet"} />${!each.guard.required && html`<div class="quiet">only rolls back</div>`}` },
  ]} /><p class="quiet">Of latency, cost and preference pairs are counted: those in which the candidate was worse by more than the margin.</p>`;
}

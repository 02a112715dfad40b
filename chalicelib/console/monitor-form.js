// The form of a monitor: what is captured of which calls, and what counts as drift.

import { useState } from "preact/hooks";

import { get, put } from "./api.js";
import { FormProblem, Input, NameInput } from "./form.js";
import { go } from "./route.js";
import { Loaded, Screen, html, useAction, useLoaded } from "./ui.js";

const EMPTY = { name: "", subject: { kind: "prompt", name: "" }, sample_rate: 0.2, retention_days: 30, mask: ["personal-data"], baseline_calls: 500, baseline_hours: 24, window_calls: 200, false_alarms: 0.05, min_psi: 0.1 };
const KINDS = { prompt: ["Runs of a prompt", "v1/prompts"], model: ["Calls that a model answered", "v1/models"], retrieval: ["Questions to a collection", "v1/collections"] };
const NUMBERS = ["retention_days", "baseline_calls", "baseline_hours", "window_calls", "false_alarms", "min_psi"];
const FIELDS = [...NUMBERS, "sample_rate", "name", "subject"];

export function MonitorForm({ name }) {
  const loaded = useLoaded((signal) => (name ? get(`v1/monitors/${encodeURIComponent(name)}`, {}, { signal }) : EMPTY), [name]);
  return html`<${Screen} title=${name ? `Change ${name}` : "New monitor"}><${Loaded} of=${loaded}>${(monitor) => html`<${Form} monitor=${monitor} isNew=${!name} />`}<//><//>`;
}

function Form({ monitor, isNew }) {
  const [terms, setTerms] = useState({ ...monitor, sample_rate: Number((monitor.sample_rate * 100).toPrecision(6)) });
  const change = (more) => setTerms((all) => ({ ...all, ...more }));
  const [save, busy, error] = useAction(async () => {
    const { name, subject, sample_rate: share, mask } = terms;
    const numbers = Object.fromEntries(NUMBERS.map((each) => [each, Number(terms[each])]));
    await put(`v1/monitors/${encodeURIComponent(name)}`, { subject, mask, sample_rate: share / 100, ...numbers });
    go(["monitor", name]);
  });
  const submit = (event) => {
    event.preventDefault();
    save();
  };
  const of = (name) => ({ value: terms[name], onChange: (value) => change({ [name]: value }), error, of: [name], type: "number", required: true });
  const { kind, name } = terms.subject;
  return html`<form class="narrow" onSubmit=${submit}>
    ${isNew && html`<${Input} ...${of("name")} type="text" label="Name" hint="Small letters, digits, - and _" pattern="[a-z0-9][a-z0-9_\\-]{0,62}" />`}
    <${Input} as="select" label="Watches" value=${kind} onChange=${(value) => change({ subject: { kind: value, name: "" } })} error=${error} of=${["subject.kind"]}>${Object.entries(KINDS).map(([each, [title]]) => html`<option value=${each}>${title}</option>`)}<//>
    <${NameInput} key=${kind} path=${KINDS[kind][1]} label="Its name" hint=${kind === "retrieval" ? "* is questions that name no collection." : ""} required value=${name} onChange=${(value) => change({ subject: { kind, name: value.trim() } })} error=${error} of=${["subject.name", "subject"]} />
    <${Input} ...${of("sample_rate")} label="Captured, in % of calls" hint="0 captures nothing." min="0" max="100" step="any" />
    <${Input} ...${of("retention_days")} label="Days that a call is kept" min="1" max="90" />
    <label class="check"><input type="checkbox" checked=${terms.mask.includes("injection")} onChange=${(event) => change({ mask: event.target.checked ? ["personal-data", "injection"] : ["personal-data"] })} /> Mask orders to models, too; personal data is masked always</label>
    <details><summary>What counts as drift</summary>
      <${Input} ...${of("baseline_calls")} label="Calls of the baseline" min="100" max="2000" />
      <${Input} ...${of("baseline_hours")} label="Hours before it is made" min="0" max="168" />
      <${Input} ...${of("window_calls")} label="Newest calls compared with it" min="50" max="1000" />
      <${Input} ...${of("false_alarms")} label="False alarms in 30 days" min="0.001" max="1" step="any" />
      <${Input} ...${of("min_psi")} label="Population stability index that counts" min="0" max="10" step="any" /></details>
    <${FormProblem} error=${error} of=${FIELDS} />
    <div class="actions"><button type="submit" class="primary" disabled=${busy}>${isNew ? "Make the monitor" : "Save"}</button></div></form>`;
}

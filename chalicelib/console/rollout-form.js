// The form of a new rollout: what goes live, in which stages, and when a person is asked.

import { useState } from "preact/hooks";

import { post } from "./api.js";
import { FormProblem, Input, NameInput } from "./form.js";
import { go } from "./route.js";
import { Screen, html, useAction } from "./ui.js";

const KINDS = {
  prompt: ["A version of a prompt", "v1/prompts", "Version", "Its number"],
  model: ["Another model under a name", "v1/models", "Model", "Whose answers callers of the name get"],
  retrieval: ["A retrieval setting of a collection", "v1/collections", "Setting", "Such as top_k=20,rerank=on"],
};
const FIELDS = ["subject", "name", "label", "to", "stages", "description", "version"];
const HOUR_S = 3600;
const WEEK_S = 7 * 24 * HOUR_S;

export function RolloutForm({ subject = "prompt", name = "" }) {
  const [terms, setTerms] = useState({ kind: subject, name, label: "production", to: "", shares: "5, 25, 100", hours: "1", calls: "50", approval: true, description: "" });
  const [begin, busy, error] = useAction(async () => {
    const begun = await post("v1/rollouts", bodyOf(terms));
    go(["rollout", begun.rollout_id]);
  });
  const of = (field, ...names) => ({ value: terms[field], onChange: (value) => setTerms((all) => ({ ...all, [field]: value })), error, of: names });
  const [, path, title, hint] = KINDS[terms.kind];
  const submit = (event) => {
    event.preventDefault();
    begin();
  };
  return html`<${Screen} title="New rollout"><form class="narrow" onSubmit=${submit}>
    <${Input} as="select" label="What goes live" ...${of("kind", "subject.kind")}>${Object.entries(KINDS).map(([kind, [each]]) => html`<option value=${kind}>${each}</option>`)}<//>
    <${NameInput} key=${terms.kind} path=${path} label="Of" required ...${of("name", "subject.name", "subject", "name")} />
    ${terms.kind === "prompt" && html`<${Input} label="Label that moves" required pattern="[a-z][a-z0-9_\\-]*" ...${of("label", "subject.label", "label")} />`}
    <${Input} label=${title} hint=${hint} required ...${of("to", "to", "version")} />
    <fieldset><legend>Stages</legend><${Input} label="Shares of end users, in %" hint="With commas between, each more than the one before, the last 100" required ...${of("shares", "stages")} />
      <${Input} label="Hours of a stage at least" type="number" min="0" max="720" step="any" required ...${of("hours")} />
      <${Input} label="Calls of each arm at least" type="number" min="0" required ...${of("calls")} />
      <label class="check"><input type="checkbox" checked=${terms.approval} onChange=${(event) => setTerms({ ...terms, approval: event.target.checked })} /> Ask a person at the end of each stage but the last</label></fieldset>
    <${Input} label="Why" maxlength="256" ...${of("description", "description")} />
    <p class="quiet">Errors, latency, cost, refusals and unsafe answers are guarded, and a candidate that proves worse is taken back.</p>
    <${FormProblem} error=${error} of=${FIELDS} />
    <div class="actions"><button type="submit" class="primary" disabled=${busy}>Begin the rollout</button></div></form><//>`;
}

function bodyOf({ kind, name, label, to, shares, hours, calls, approval, description }) {
  const listed = shares.split(",").map((each) => each.trim()).filter(Boolean).map(Number);
  const dwell = Math.round(hours * HOUR_S);
  const stages = listed.map((share, n) => ({ share, dwell_seconds: dwell, max_dwell_seconds: Math.max(WEEK_S, dwell), min_calls: Number(calls), approval: approval && n < listed.length - 1 }));
  return { subject: { kind, name, ...(kind === "prompt" && { label }) }, to: to.trim(), stages, ...(description.trim() && { description: description.trim() }) };
}

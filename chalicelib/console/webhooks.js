// Webhooks: which addresses hear of which events; a new one's secret is shown once.

import { useState } from "preact/hooks";

import { get, post } from "./api.js";
import { when } from "./format.js";
import { link } from "./route.js";
import { Badge, CopyButton, Dialog, Field, Loaded, Problem, Screen, Table, html, useAction, useLoaded } from "./ui.js";

const EVENTS = ["document.ready", "document.rejected", "document.failed", "job.accepted", "job.completed", "job.failed", "feedback.received", "budget.exceeded", "schedule.ended", "schedule.paused", "rollout.advanced", "rollout.waiting", "rollout.promoted", "rollout.rolled_back", "drift.detected", "improvement.ended", "extraction.ready", "extraction.needs_review"];

export default function Webhooks() {
  const listed = useLoaded((signal) => get("v1/webhooks", {}, { signal }), []);
  const [adding, setAdding] = useState(false);
  return html`<${Screen} title="Webhooks" actions=${html`<button type="button" class="primary" onClick=${() => setAdding(true)}>Add a webhook</button>`}>
    <${Loaded} of=${listed}>${({ items }) => html`<${Table} caption="Webhooks" rows=${items} keyOf=${(each) => each.webhook_id} empty="No webhooks. One is told of events: documents that are ready, jobs that ended, budgets that are spent." columns=${[
      { title: "Address", kind: "wide", cell: (each) => html`<a href=${link(["webhook", each.webhook_id])}>${each.url}</a><div class="quiet">${each.description}</div>` },
      { title: "Events", kind: "wide", cell: (each) => each.events.join(", ") || "all" },
      { title: "State", cell: (each) => html`<${Badge} state=${each.status} />` },
      { title: "Made", cell: (each) => when(each.created_at) },
    ]} />`}<//>
    ${adding && html`<${Adding} onClose=${() => setAdding(false)} onAdded=${listed.reload} />`}
  <//>`;
}

function Adding({ onClose, onAdded }) {
  const [url, setUrl] = useState("");
  const [description, setDescription] = useState("");
  const [events, setEvents] = useState(new Set());
  const [made, setMade] = useState(null);
  const [add, busy, error] = useAction(async () => {
    setMade(await post("v1/webhooks", { url, description, ...(events.size && { events: [...events] }) }));
    await onAdded();
  });
  const toggled = (name) => setEvents((before) => new Set(before.has(name) ? [...before].filter((each) => each !== name) : [...before, name]));
  if (made) return html`<${Dialog} title="Its secret" onClose=${onClose}><${Secret} webhook=${made} /><//>`;
  return html`<${Dialog} title="Add a webhook" onClose=${onClose}><form onSubmit=${(event) => { event.preventDefault(); add(); }}>
    <${Field} label="Address"><input type="url" required placeholder="https://example.org/hooks" value=${url} onInput=${(event) => setUrl(event.target.value)} /><//>
    <${Field} label="What it is for"><input value=${description} maxlength="200" onInput=${(event) => setDescription(event.target.value)} /><//>
    <fieldset class="choice"><legend>Events; all if none is chosen</legend>${EVENTS.map((name) => html`<label class="check"><input type="checkbox" checked=${events.has(name)} onChange=${() => toggled(name)} /> ${name}</label>`)}</fieldset>
    <${Problem} error=${error} /><div class="actions"><button type="submit" class="primary" disabled=${busy}>Add</button></div></form><//>`;
}

/** Show the secret by which deliveries are signed. The API does not tell it again. */
export function Secret({ webhook }) {
  return html`<p>Deliveries to ${webhook.url} are signed by this secret. It is shown now and never again.</p><pre tabindex="0">${webhook.secret}</pre>
    <div class="actions"><${CopyButton} text=${() => webhook.secret} /></div>`;
}

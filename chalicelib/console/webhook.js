// One webhook: its deliveries, each with what the receiver answered; test, retry, another secret.

import { useState } from "preact/hooks";

import { get, post, remove } from "./api.js";
import { when } from "./format.js";
import { go } from "./route.js";
import { Badge, ConfirmButton, Dialog, Loaded, Problem, Screen, Table, html, useAction, useLoaded, usePolling } from "./ui.js";
import { Secret } from "./webhooks.js";

const SOON_MS = 1500;
const LATER_MS = 8000;

export default function WebhookScreen({ parts }) {
  const path = `v1/webhooks/${parts[1]}`;
  const loaded = useLoaded((signal) => get(path, {}, { signal }), [path]);
  const deliveries = useLoaded((signal) => get(`${path}/deliveries`, { limit: 50 }, { signal }), [path]);
  const waiting = deliveries.value?.items.some((each) => each.status === "pending");
  usePolling(deliveries.reload, waiting ? SOON_MS : LATER_MS, !loaded.error);
  return html`<${Screen} title="Webhook">
    <${Loaded} of=${loaded}>${(webhook) => html`<dl class="facts"><dt>Address</dt><dd>${webhook.url}</dd><dt>State</dt><dd><${Badge} state=${webhook.status} /></dd>
      <dt>Events</dt><dd>${webhook.events.join(", ") || "all"}</dd>${webhook.description && html`<dt>For</dt><dd>${webhook.description}</dd>`}<dt>Made</dt><dd>${when(webhook.created_at)}</dd></dl>
      <${Actions} path=${path} reload=${deliveries.reload} />`}<//>
    <h2>Deliveries</h2>
    <${Loaded} of=${deliveries}>${({ items }) => html`<${Deliveries} items=${items} path=${path} reload=${deliveries.reload} />`}<//>
  <//>`;
}

function Actions({ path, reload }) {
  const [made, setMade] = useState(null);
  const [test, busy, error] = useAction(async () => {
    await post(`${path}/test`, {});
    await reload();
  });
  const renewed = async () => setMade(await post(`${path}/secret`, {}));
  const removed = async () => {
    await remove(path);
    go(["webhooks"]);
  };
  return html`<div class="actions"><button type="button" disabled=${busy} onClick=${test}>Send a test</button>
    <${ConfirmButton} label="New secret" question="From now on deliveries are signed by a new secret; the receiver must know it." onConfirm=${renewed} />
    <${ConfirmButton} label="Delete" question="Its address hears of nothing more." onConfirm=${removed} /></div><${Problem} error=${error} />
    ${made && html`<${Dialog} title="Its secret" onClose=${() => setMade(null)}><${Secret} webhook=${made} /><//>`}`;
}

function Deliveries({ items, path, reload }) {
  return html`<${Table} caption="Deliveries" rows=${items} keyOf=${(each) => each.delivery_id} empty="Nothing was delivered yet." columns=${[
    { title: "Event", kind: "wide", cell: (each) => html`${each.type}<div class="quiet id">${each.delivery_id}</div>${each.last_error && html`<div class="reason">${each.last_error}</div>`}` },
    { title: "State", cell: (each) => html`<${Badge} state=${each.status} />` },
    { title: "Answer", cell: (each) => each.last_http_status ?? "–" },
    { title: "Attempts", kind: "number", cell: (each) => each.attempts },
    { title: "Next attempt", cell: (each) => when(each.next_attempt_at) },
    { title: "Of", cell: (each) => when(each.created_at) },
    { title: "", cell: (each) => html`<${Again} path=${`${path}/deliveries/${each.delivery_id}/retry`} delivery=${each} reload=${reload} />` },
  ]} />`;
}

function Again({ path, delivery, reload }) {
  const [retry, busy, error] = useAction(async () => {
    await post(path, {});
    await reload();
  });
  if (delivery.status !== "failed") return null;
  return html`<button type="button" disabled=${busy} onClick=${retry}>Retry</button><${Problem} error=${error} />`;
}

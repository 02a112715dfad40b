// Keys: who makes them. The API has no call that makes or lists keys, so that a key cannot make others.

import { get } from "./api.js";
import { count, dollars } from "./format.js";
import { Loaded, Screen, Table, html, useLoaded } from "./ui.js";

export default function Keys() {
  const used = useLoaded((signal) => get("v1/usage", { by: "key" }, { signal }), []);
  return html`<${Screen} title="Keys">
    <p>API keys are made and revoked by the operators of the stage, not here: a key that got lost must not be able to make others.</p>
    <p>An operator with access to the AWS account makes a key for a tenant, and revokes one:</p>
    <pre tabindex="0">python -m infra.tenants --stage STAGE TENANT
python -m infra.tenants --stage STAGE --revoke KEY TENANT</pre>
    <p>Of a local cloud, <code>headrace up</code> prints the key each time it starts.</p>
    <h2>Keys used this month</h2>
    <p class="quiet">Named by the beginning of their SHA-256, as budgets name them.</p>
    <${Loaded} of=${used}>${({ items }) => html`<${Table} caption="Keys used this month" rows=${items} keyOf=${(each) => each.name} empty="No model was called by a key this month." columns=${[
      { title: "Key", cell: (each) => html`<code>${each.name}</code>` },
      { title: "Calls", kind: "number", cell: (each) => count(each.requests) },
      { title: "Cost", kind: "number", cell: (each) => dollars(each.dollars) },
    ]} />`}<//>
  <//>`;
}

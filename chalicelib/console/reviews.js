// Reviews: what waits for a person, the least certain first, and who has what.

import { useState } from "preact/hooks";

import { get, post } from "./api.js";
import { ReviewerField, byReviewer, useReviewer } from "./claims.js";
import { percent, when } from "./format.js";
import { Reviewing, handOver } from "./review.js";
import { go, link } from "./route.js";
import { Badge, CollectionChoice, Field, Loaded, Problem, Screen, Table, html, useAction, useCollections, usePages, usePolling } from "./ui.js";

const A_PAGE = 50;
const AGAIN_MS = 5000;

export default function Reviews({ parts }) {
  return parts[1] ? html`<${Reviewing} key=${parts[1]} id=${parts[1]} />` : html`<${Queue} />`;
}

function Queue() {
  const [name, setName] = useReviewer();
  const [eyes, setEyes] = useState(false);
  const [collection, setCollection] = useState("");
  const [empty, setEmpty] = useState(false);
  const collections = useCollections();
  const listed = usePages((cursor, signal) => get("v1/reviews", { limit: A_PAGE, cursor }, { signal }), []);
  usePolling(listed.reload, AGAIN_MS, true);
  const [take, busy, error] = useAction(async (id) => {
    setEmpty(false);
    const body = { ...byReviewer(name), ...(eyes && { eyes: 2 }), ...(id ? { extraction_id: id } : collection && { collection }) };
    const { claim } = await post("v1/reviews/claims", body);
    setEmpty(!claim);
    if (!claim) return;
    handOver(claim);
    go(["review", claim.extraction.extraction_id]);
  });
  const next = (event) => {
    event.preventDefault();
    take();
  };
  return html`<${Screen} title="Review">
    <form class="filters" onSubmit=${next}><${ReviewerField} name=${name} onName=${setName} />
      <${CollectionChoice} of=${collections} label="Collection of the next one" all="Any" value=${collection} onChoose=${setCollection} />
      <${Field} label="Approvals"><select value=${eyes ? "2" : ""} onChange=${(event) => setEyes(event.target.value === "2")}><option value="">as it is</option><option value="2">two people have to approve</option></select><//>
      <button type="submit" class="primary" disabled=${busy}>Review the least certain</button></form>
    <${Problem} error=${error} />
    ${empty && html`<p role="status">Nothing waits that you could take: it is approved by you already, or others have it.</p>`}
    <${Loaded} of=${listed}>${({ items }) => html`<${Waiting} items=${items} busy=${busy} take=${take} />`}<//>
    ${listed.pager}
  <//>`;
}

function Waiting({ items, busy, take }) {
  return html`<${Table} caption="Extractions that wait for a review" rows=${items} keyOf=${({ extraction }) => extraction.extraction_id} empty="Nothing waits for a review." columns=${[
    { title: "Document", kind: "wide", cell: ({ extraction }) => html`<a href=${link(["extraction", extraction.extraction_id])}>${extraction.path}</a>${extraction.reasons.slice(0, 3).map((each) => html`<div class="quiet">${each}</div>`)}${extraction.reasons.length > 3 && html`<div class="quiet">and ${extraction.reasons.length - 3} more</div>`}` },
    { title: "State", cell: ({ extraction }) => html`<${Badge} state=${extraction.status} />` },
    { title: "Least sure", kind: "number", cell: ({ extraction }) => percent(extraction.lowest_confidence) },
    { title: "Approved", cell: ({ review }) => `${review.approved_by.length} of ${review.eyes}` },
    { title: "In hands of", cell: ({ review }) => (isHeld(review.lease) ? html`${review.lease.reviewer}<div class="quiet">until ${when(review.lease.expires_at)}</div>` : "nobody") },
    { title: "", cell: ({ extraction }) => html`<button type="button" disabled=${busy} onClick=${() => take(extraction.extraction_id)}>Review<span class="hidden"> ${extraction.path}</span></button>` },
  ]} />`;
}

const isHeld = (lease) => Boolean(lease) && new Date(lease.expires_at) > Date.now();

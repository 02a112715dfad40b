// What failed of a job: the lines of a batch, or the documents of an extraction, each with its reason.

import { get } from "./api.js";
import { link } from "./route.js";
import { Loaded, Table, html, usePages } from "./ui.js";

const A_PAGE = 20;
const KINDS = new Set(["batch", "extraction"]);

export const hasFailed = (job) => KINDS.has(job.kind) && job.counts.failed + job.counts.expired > 0;

export function FailedItems({ job }) {
  const changing = `${job.attempt}/${job.status}/${job.counts.failed}`;
  const listed = usePages((cursor, signal) => get(`v1/jobs/${job.job_id}/errors`, { limit: A_PAGE, cursor }, { signal }), [job.job_id, changing]);
  return html`<h2>What failed</h2><${Loaded} of=${listed}>${({ items }) => html`<${Table} caption="What failed" rows=${items.map((each, n) => ({ ...each, n }))} keyOf=${(each) => each.n} empty="Nothing that is listed yet." columns=${[
      { title: "Item", cell: (each) => html`<${Item} item=${each} />` },
      { title: "Reason", kind: "wide", cell: ({ error }) => html`<span class="reason">${error.type}: ${error.message}</span>${error.field && html`<div class="quiet">Field ${error.field}${error.limit && `, limit ${error.limit}`}</div>`}` },
    ]} />`}<//>${listed.pager}`;
}

function Item({ item }) {
  const pages = item.first_page ? ` pages ${item.first_page} to ${item.last_page}` : "";
  if (item.document_id) return html`<a href=${link(["document", item.document_id])}>${item.path || item.document_id}</a>${pages}`;
  return html`<span class="nowrap">${item.id}</span>${item.line && html`<div class="quiet nowrap">line ${item.line}</div>`}`;
}

// Versions of trained models: what their gates measured, and the verdict of an operator.

import { useState } from "preact/hooks";

import { get, put } from "./api.js";
import { when } from "./format.js";
import { go, link } from "./route.js";
import { Badge, Field, Loaded, Problem, Screen, Table, html, useAction, useLoaded, usePages } from "./ui.js";

const A_PAGE = 50;

export default function Versions({ parts, query }) {
  return parts.length === 3
    ? html`<${Version} group=${parts[1]} number=${parts[2]} />`
    : html`<${List} group=${query.group ?? ""} />`;
}

function List({ group }) {
  const listed = usePages(
    (cursor, signal) => get("v1/registry/versions", { group, limit: A_PAGE, cursor }, { signal }),
    [group],
  );
  return html`<${Screen} title="Trained versions">
    ${group && html`<p>Of <code>${group}</code>. <a href=${link(["versions"])}>Show all groups</a></p>`}
    <${Loaded} of=${listed}>${(page) => html`<${Table} caption="Versions" rows=${page.items} keyOf=${nameOf}
      empty="No version is registered yet: headrace train registers one." columns=${[
        { title: "Version", kind: "wide", cell: (each) => html`<a href=${link(["versions", each.group, each.number])}>${nameOf(each)}</a>` },
        { title: "State", cell: (each) => html`<${Badge} state=${each.state} />` },
        { title: "Made", cell: (each) => when(each.created_at) },
        { title: "What it is", cell: (each) => each.description || "–" },
        { title: "", cell: (each) => !group && html`<a href=${link(["versions"], { group: each.group })}>This group</a>` },
      ]} />`}<//>${listed.pager}
  <//>`;
}

function Version({ group, number }) {
  const loaded = useLoaded((signal) => get(path(group, number), {}, { signal }), [group, number]);
  const before = useLoaded(
    (signal) => (Number(number) > 1 ? get(path(group, number - 1), {}, { signal }).catch(unlessNotFound) : null),
    [group, number],
  );
  return html`<${Screen} title=${`${group}/${number}`} actions=${html`<button type="button" onClick=${() => go(["versions"], { group })}>All of this group</button>`}>
    <${Loaded} of=${loaded}>${(version) => html`<div class="columns"><section aria-label="Measurements">
        <h2>What its gates measured</h2><${Problem} error=${before.error} retry=${before.reload} /><${Numbers} version=${version} before=${before.value} /></section>
      <aside><dl class="facts"><dt>State</dt><dd><${Badge} state=${version.state} /></dd><dt>Made</dt><dd>${when(version.created_at)}</dd>
        ${version.description && html`<dt>What it is</dt><dd>${version.description}</dd>`}
        ${version.comment && html`<dt>Verdict</dt><dd>${version.comment}</dd>`}</dl>
        <${Verdict} version=${version} onDecided=${loaded.reload} /></aside></div>`}<//>
  <//>`;
}

function Numbers({ version, before }) {
  const rows = Object.entries(version.numbers).sort(([a], [b]) => a.localeCompare(b));
  const earlier = before?.numbers ?? {};
  return html`<${Table} caption="Measurements" rows=${rows} keyOf=${([name]) => name} empty="Nothing was measured." columns=${[
    { title: "Measure", kind: "wide", cell: ([name]) => name },
    { title: "This version", kind: "number", cell: ([, value]) => value.toPrecision(4) },
    { title: before ? `Version ${before.number}` : "The one before", kind: "number", cell: ([name]) => earlier[name]?.toPrecision(4) ?? "–" },
  ]} />`;
}

function Verdict({ version, onDecided }) {
  const [comment, setComment] = useState("");
  const [decide, busy, error] = useAction(async (state) => {
    await put(`${path(version.group, version.number)}/verdict`, { state, comment });
    setComment("");
    await onDecided();
  });
  return html`<h2>Verdict</h2><p class="quiet">Only an approved version may serve. What a rejected one answers already, it goes on answering until another is served.</p>
    <${Field} label="Reason"><textarea rows="2" maxlength="1024" value=${comment} onInput=${(event) => setComment(event.target.value)}></textarea><//>
    <div class="actions"><button type="button" class="primary" disabled=${busy || version.state === "approved"} onClick=${() => decide("approved")}>Approve</button>
      <button type="button" class="danger" disabled=${busy || version.state === "rejected"} onClick=${() => decide("rejected")}>Reject</button></div>
    <${Problem} error=${error} />`;
}

const path = (group, number) => `v1/registry/versions/${encodeURIComponent(group)}/${number}`;

// A version may have been deleted, and then there is nothing to compare with.
function unlessNotFound(error) {
  if (error.type === "NotFound") return null;
  throw error;
}

const nameOf = ({ group, number }) => `${group}/${number}`;

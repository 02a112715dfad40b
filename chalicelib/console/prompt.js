// One prompt: two versions side by side with the same input, what each costs before and after; labels.

import { useState } from "preact/hooks";

import { get, post, put, remove } from "./api.js";
import { costBefore } from "./models_field.js";
import { dollars, when } from "./format.js";
import { link } from "./route.js";
import { ConfirmButton, Field, Loaded, Problem, Receipt, Screen, Table, html, useAction, useLoaded } from "./ui.js";
import { VariableFields, valuesOf } from "./variables.js";

const DEFAULT_MAX_TOKENS = 512;

export default function PromptScreen({ parts }) {
  const name = parts[1];
  const path = `v1/prompts/${encodeURIComponent(name)}`;
  const loaded = useLoaded((signal) => get(path, {}, { signal }), [path]);
  const listed = useLoaded((signal) => get(`${path}/versions`, { limit: 20 }, { signal }), [path]);
  const reload = () => Promise.all([loaded.reload(), listed.reload()]);
  const written = html`<a class="button" href=${link(["prompts", "+"], { of: name })}>New version</a>`;
  return html`<${Screen} title=${name} actions=${written}><${Loaded} of=${loaded}>${(prompt) => html`<p>${prompt.description}</p>
    <${Loaded} of=${listed}>${({ items }) => html`<${Comparison} path=${path} prompt=${prompt} versions=${items} /><${Labels} path=${path} prompt=${prompt} versions=${items} reload=${reload} />`}<//>`}<//><//>`;
}

function Comparison({ path, prompt, versions }) {
  const newest = versions[0].version;
  const other = Object.values(prompt.labels).find((each) => each !== newest) ?? versions[1]?.version ?? newest;
  const [sides, setSides] = useState([other, newest]);
  const shown = sides[0] === sides[1] ? [sides[0]] : sides;
  const contents = useLoaded((signal) => Promise.all(shown.map((each) => get(`${path}/versions/${each}`, {}, { signal }))), [shown.join()]);
  const models = useLoaded((signal) => get("v1/models", {}, { signal }), []);
  const [given, setGiven] = useState({});
  const [results, setResults] = useState({});
  const [error, setError] = useState(null);
  const attempt = (what, call) => async (event) => {
    event?.preventDefault();
    setError(null);
    try {
      const variables = valuesOf(variablesIn(contents.value), given);
      await Promise.all(contents.value.map((each) => call(each, own(each.content, variables))));
    } catch (failure) {
      setError(failure);
    }
  };
  const keep = (version, more) => setResults((all) => ({ ...all, [version]: { ...all[version], ...more } }));
  const render = attempt("render", async ({ version }, variables) => {
    keep(version, { rendered: null, error: null });
    await post(`${path}/render`, { version, variables }).then((rendered) => keep(version, { rendered }), (failure) => keep(version, { error: failure }));
  });
  const run = attempt("run", async ({ version }, variables) => {
    keep(version, { running: true, ran: null, error: null });
    await post(`${path}/runs`, { version, variables }).then((ran) => keep(version, { ran }), (failure) => keep(version, { error: failure }));
    keep(version, { running: false });
  });
  const choose = (n) => (event) => setSides(sides.map((each, at) => (at === n ? Number(event.target.value) : each)));
  const busy = shown.some((each) => results[each]?.running);
  return html`<section aria-label="Versions side by side"><div class="filters">${["Version", "Beside"].map((label, n) => html`<${Field} label=${label}><select value=${sides[n]} onChange=${choose(n)}>${versions.map((each) => html`<option value=${each.version}>${[each.version, ...each.labels].join(" ")}</option>`)}</select><//>`)}</div>
    <${Loaded} of=${contents}>${(found) => html`<form onSubmit=${run}>
      <${VariableFields} variables=${variablesIn(found)} given=${given} onChange=${setGiven} />
      <div class="actions"><button type="button" disabled=${busy} onClick=${render}>Show the calls and their cost</button><button type="submit" class="primary" disabled=${busy}>Run ${found.length > 1 ? "both" : "it"}</button></div>
      <${Problem} error=${error} /></form>
      <div class="side-by-side">${found.map((each) => html`<${Side} key=${each.version} version=${each} result=${results[each.version] ?? {}} models=${models.value?.data} />`)}</div>`}<//></section>`;
}

const variablesIn = (versions) => Object.assign({}, ...(versions ?? []).map((each) => each.content.variables));
const own = (content, variables) => Object.fromEntries(Object.entries(variables).filter(([name]) => name in content.variables));

function Side({ version, result, models }) {
  const { content } = version;
  return html`<section aria-label=${`Version ${version.version}`}><h2>Version ${version.version} <span class="quiet">${version.labels.join(", ")} ${content.terms.model}</span></h2>
    <details><summary>Its text</summary>${content.role && html`<pre tabindex="0">${content.role}</pre>`}${content.turns.map((turn) => html`<pre tabindex="0">${turn.template}</pre>`)}</details>
    ${result.rendered && html`<${Rendered} rendered=${result.rendered} models=${models} />`}
    <div aria-live="polite">${result.running && html`<p class="quiet">Running…</p>`}
      <${Problem} error=${result.error} />
      ${result.ran && html`<${Ran} ran=${result.ran} />`}</div></section>`;
}

function Rendered({ rendered, models }) {
  const calls = [...rendered.turns, ...(rendered.verifier ? [rendered.verifier] : [])];
  return html`${calls.map(({ turn, tokens_in: tokens, call }) => html`<details><summary>${turn || "Call"}: ${call.task === "image" ? "" : `${tokens} tokens in. `}${costBefore(models, rendered.terms.model, loadOf(call, tokens, rendered.terms))}</summary>
      ${call.system && html`<pre tabindex="0">${call.system}</pre>`}${(call.messages ?? []).map((each) => html`<p class="quiet">${each.role}</p><pre tabindex="0">${each.content}</pre>`)}${call.prompt && html`<pre tabindex="0">${call.prompt}</pre>`}</details>`)}
    ${rendered.terms.budget && html`<p class="quiet">Its budget: at most ${dollars(rendered.terms.budget)} a run.</p>`}`;
}

const loadOf = (call, tokens, { quality }) => (call.task === "image" ? { images: call.count } : { in: tokens, out: call.max_tokens ?? DEFAULT_MAX_TOKENS, quality });

function Ran({ ran }) {
  return html`<p class="answer">${ran.output}</p>
    ${(ran.images?.images ?? []).map((each, n) => html`<img class="drawn" src=${`data:${ran.images.media_type};base64,${each}`} alt=${`Picture ${n + 1}`} />`)}
    ${ran.verdict && html`<p class=${ran.verdict.accepted ? "quiet" : "reason"}>${ran.verdict.accepted ? "Accepted" : "Refused"} by its verifier. ${ran.verdict.reason}</p>`}
    <p class="quiet">Answered by ${ran.attempts.filter((each) => each.outcome === "accepted").map((each) => each.answered_by).join(", ")}.</p>
    <${Receipt} receipt=${ran.receipt} />`;
}

function Labels({ path, prompt, versions, reload }) {
  const [label, setLabel] = useState("production");
  const [version, setVersion] = useState(versions[0].version);
  const [override, setOverride] = useState("");
  const [move, busy, error] = useAction(async () => {
    await put(`${path}/labels/${encodeURIComponent(label)}`, { version, ...(override.trim() && { override: override.trim() }) });
    setOverride("");
    await reload();
  });
  const dropped = (name) => async () => {
    await remove(`${path}/labels/${encodeURIComponent(name)}`);
    await reload();
  };
  return html`<h2>Labels</h2><${Table} caption="Labels" rows=${Object.entries(prompt.labels)} keyOf=${([name]) => name} empty="No label: programs that name none get the newest version." columns=${[
      { title: "Label", cell: ([name]) => name }, { title: "Version", kind: "number", cell: ([, at]) => at },
      { title: "", cell: ([name]) => html`<${ConfirmButton} label="Remove" question=${`Programs that ask for ${name} get an error.`} onConfirm=${dropped(name)} />` }]} />
    ${prompt.overrides.map((each) => html`<p class="quiet">${when(each.at)}: ${each.label} was moved to ${each.version} against its gate: ${each.reason}</p>`)}
    <form class="filters" onSubmit=${(event) => { event.preventDefault(); move(); }}>
      <${Field} label="Label"><input required value=${label} pattern="[a-z0-9_\\-]{1,40}" onInput=${(event) => setLabel(event.target.value)} /><//>
      <${Field} label="To version"><select value=${version} onChange=${(event) => setVersion(Number(event.target.value))}>${versions.map((each) => html`<option value=${each.version}>${each.version}</option>`)}</select><//>
      ${prompt.suite && html`<${Field} label="Reason, to go against its gate"><input value=${override} onInput=${(event) => setOverride(event.target.value)} /><//>`}
      <button type="submit" disabled=${busy}>Move the label</button></form><${Problem} error=${error} />`;
}

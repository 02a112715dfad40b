// The form of a schedule, new or changed: when it runs, with its next times, and what then is done.

import { useState } from "preact/hooks";

import { get, post, put } from "./api.js";
import { FormProblem, Input, NameInput } from "./form.js";
import { inZone, when } from "./format.js";
import { go } from "./route.js";
import { Loaded, Problem, Screen, html, useAction, useLoaded } from "./ui.js";

const PRESETS = { "cron(0 2 * * ? *)": "every night at two", "cron(30 8 ? * MON-FRI *)": "on weekdays at half past eight", "cron(0 7 ? * MON *)": "on Mondays at seven", "cron(0 6 L * ? *)": "on the last day of each month at six", "rate(1 hour)": "every hour" };
const KINDS = { batch: "Put a prompt to documents", extraction: "Extract fields from documents", report: "Report usage and cost", export: "Export documents", sync: "Bring files of S3 into a collection", watch: "Look whether the calls of a monitor drift" };
const TIMING = ["expression", "time_zone", "start", "end"];
const FIELDS = [...TIMING, "name", "budget", "prompt.name", "prompt", "extractor", "monitor", "uri", "collection", "results"];
const TYPING_MS = 300;

const EMPTY = { name: "", expression: "cron(0 2 * * ? *)", time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone, start: "", end: "", budget: "", kind: "batch", period: "week", prompt: "", extractor: "", monitor: "", collection: "", into: "", uri: "", remove: false };

export function ScheduleForm({ name }) {
  const path = name && `v1/schedules/${encodeURIComponent(name)}`;
  const loaded = useLoaded((signal) => (path ? get(path, {}, { signal }) : null), [path]);
  if (!path) return html`<${Screen} title="New schedule"><${Form} given=${EMPTY} save=${(body) => post("v1/schedules", body)} /><//>`;
  return html`<${Screen} title=${`Change ${name}`}><${Loaded} of=${loaded}>${({ terms }) => (isShown(terms.work)
    ? html`<p class="quiet">What this form does not show stays as it is.</p><${Form} given=${givenOf(name, terms)} base=${terms} save=${({ name: _, ...body }) => put(path, body)} />`
    : html`<p>Its work says more than this form shows: change it by <code>headrace schedules replace ${name}</code>.</p>`)}<//><//>`;
}

function Form({ given, base, save: send }) {
  const [terms, setTerms] = useState(given);
  const [save, busy, error] = useAction(async () => {
    await send(bodyOf(terms, base));
    go(["schedule", terms.name]);
  });
  const of = (name) => ({ value: terms[name], onChange: (value) => setTerms((all) => ({ ...all, [name]: value })), error });
  const submit = (event) => {
    event.preventDefault();
    save();
  };
  return html`<form class="narrow" onSubmit=${submit}>
    ${!base && html`<${Input} label="Name" hint="Small letters, digits, - and _" required pattern="[a-z0-9][a-z0-9_\\-]{0,62}" ...${of("name")} of=${["name"]} />`}
    <fieldset><legend>When</legend><${When} of=${of} terms=${terms} refused=${error} />${base && terms.expression.startsWith("rate(") && !terms.start && html`<p class="quiet">A rate without a beginning goes on from when the schedule was made.</p>`}</fieldset>
    <fieldset><legend>What</legend><${Input} as="select" label="Work" disabled=${Boolean(base)} ...${of("kind")} of=${["work.kind"]}>${Object.entries(KINDS).map(([kind, title]) => html`<option value=${kind}>${title}</option>`)}<//>
      <${Work} of=${of} kind=${terms.kind} />
      <${Input} label="Dollars a run at most" hint="Empty: only the tenant's budgets bound it." inputmode="decimal" ...${of("budget")} of=${["budget"]} /></fieldset>
    <${FormProblem} error=${error} of=${FIELDS} />
    <div class="actions"><button type="submit" class="primary" disabled=${busy}>Save the schedule</button></div></form>`;
}

// The times of what is written are asked of the API, which refuses here what it would refuse there.
function When({ of, terms, refused }) {
  const times = useLoaded(async (signal) => {
    await new Promise((resolve) => setTimeout(resolve, TYPING_MS));
    return signal.aborted ? null : post("v1/schedule-times", timingOf(terms), { signal });
  }, TIMING.map((name) => terms[name]));
  const error = refused ?? times.error;
  const preset = terms.expression in PRESETS ? terms.expression : "";
  return html`<${Input} as="select" label="Often used" value=${preset} onChange=${(value) => value && of("expression").onChange(value)} of=${[]}><option value="">as written below</option>${Object.entries(PRESETS).map(([each, title]) => html`<option value=${each}>${title}</option>`)}<//>
    <${Input} label="Expression" hint="cron(minute hour day month weekday year), rate(15 minutes) or at(2027-01-31T08:00:00)" required spellcheck=${false} ...${of("expression")} error=${error} of=${["expression"]} />
    <${Input} label="Time zone" required list="zones" autocomplete="off" ...${of("time_zone")} error=${error} of=${["time_zone"]} /><datalist id="zones">${Intl.supportedValuesOf("timeZone").map((each) => html`<option value=${each}></option>`)}</datalist>
    <div class="filters"><${Input} label="Not before" hint="In this computer's time" type="datetime-local" ...${of("start")} error=${error} of=${["start"]} /><${Input} label="Not after" hint="In this computer's time" type="datetime-local" ...${of("end")} error=${error} of=${["end"]} /></div>
    <h3 class="sample-name">Next times</h3><div aria-live="polite">${times.value && !times.error ? html`<ol class="times">${times.value.next.map((time) => html`<li><time datetime=${time}>${inZone(time, terms.time_zone)}</time> <span class="quiet">${when(time)} here</span></li>`)}</ol>` : html`<p class="quiet">${times.error ? "None, as it is written." : "Looking…"}</p>`}</div>
    ${times.error && !TIMING.includes(times.error.field) && html`<${Problem} error=${times.error} retry=${times.reload} />`}`;
}

function Work({ of, kind }) {
  const collection = (required, label = "Documents of the collection") => html`<${NameInput} path="v1/collections" label=${label} hint=${required ? "" : "Empty: all collections"} required=${required} ...${of("collection")} of=${["collection"]} />`;
  const into = html`<${NameInput} path="v1/collections" label="Results become documents of the collection" hint="Empty: they are files of the job" ...${of("into")} of=${["results"]} />`;
  switch (kind) {
    case "batch": return html`<${NameInput} path="v1/prompts" label="Prompt" hint="With one turn, and one variable of the type document" required ...${of("prompt")} of=${["prompt.name", "prompt"]} />${collection(false)}${into}`;
    case "extraction": return html`<${NameInput} path="v1/extractors" label="Extractor" required ...${of("extractor")} of=${["extractor"]} />${collection(true)}`;
    case "report": return html`<${Input} as="select" label="Of the last whole" ...${of("period")} of=${["period"]}>${["day", "week", "month"].map((each) => html`<option value=${each}>${each}</option>`)}<//>${into}`;
    case "export": return collection(false);
    case "watch": return html`<${NameInput} path="v1/monitors" label="Monitor" required ...${of("monitor")} of=${["monitor"]} />`;
    default: return html`<${Input} label="Files below" hint="s3://BUCKET/PREFIX/, which an operator granted" required pattern="s3://.+" ...${of("uri")} of=${["uri"]} />${collection(true, "Into the collection")}<${Removal} ...${of("remove")} />`;
  }
}

function Removal({ value, onChange }) {
  return html`<label class="check"><input type="checkbox" checked=${value} onChange=${(event) => onChange(event.target.checked)} /> Remove documents whose files are gone</label>`;
}

// Of a schedule that is changed, `base` has what the form does not show.
function bodyOf({ name, budget, kind, ...given }, base) {
  const before = base?.work ?? {};
  const from = { collection: given.collection || undefined };
  const others = (before.results ?? []).filter((each) => each.type !== "collection");
  const results = { results: given.into ? [...others, { type: "collection", collection: given.into }] : others };
  const work = {
    batch: { source: { ...before.source, type: "documents", ...from }, prompt: { ...before.prompt, name: given.prompt }, ...results },
    extraction: { extractor: given.extractor, ...from },
    report: { period: given.period, ...results },
    export: from,
    sync: { uri: given.uri, ...from, remove: given.remove },
    watch: { monitor: given.monitor },
  }[kind];
  return { ...base, name, start: undefined, end: undefined, ...timingOf(given), budget: budget || undefined, work: { ...before, kind, ...work } };
}

const isShown = (work) => work.kind in KINDS && (work.kind !== "batch" || work.source.type === "documents") && (work.results ?? []).filter((each) => each.type === "collection").length < 2;

function givenOf(name, { work, expression, time_zone: zone, start, end, budget }) {
  const into = (work.results ?? []).find((each) => each.type === "collection")?.collection ?? "";
  const told = { period: work.period, prompt: work.prompt?.name, extractor: work.extractor, monitor: work.monitor, uri: work.uri, remove: work.remove, collection: work.source?.collection ?? work.collection };
  const known = Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined && value !== null));
  return { ...EMPTY, ...known, name, expression, time_zone: zone, start: clockOf(start), end: clockOf(end), budget: budget ?? "", kind: work.kind, into };
}

// A moment as a field of date and time has it: in this computer's time.
function clockOf(time) {
  if (!time) return "";
  const at = new Date(time);
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

const timingOf = ({ expression, time_zone, start, end }) => ({ expression, time_zone, ...(start && { start: new Date(start).toISOString() }), ...(end && { end: new Date(end).toISOString() }) });

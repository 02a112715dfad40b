// The form of a new schedule: when it runs, with its next times, and what then is done.

import { useState } from "preact/hooks";

import { post } from "./api.js";
import { FormProblem, Input, NameInput } from "./form.js";
import { inZone, when } from "./format.js";
import { go } from "./route.js";
import { Problem, Screen, html, useAction, useLoaded } from "./ui.js";

const PRESETS = { "cron(0 2 * * ? *)": "every night at two", "cron(30 8 ? * MON-FRI *)": "on weekdays at half past eight", "cron(0 7 ? * MON *)": "on Mondays at seven", "cron(0 6 L * ? *)": "on the last day of each month at six", "rate(1 hour)": "every hour" };
const KINDS = { batch: "Put a prompt to documents", extraction: "Extract fields from documents", report: "Report usage and cost", export: "Export documents", sync: "Bring files of S3 into a collection", watch: "Look whether the calls of a monitor drift" };
const TIMING = ["expression", "time_zone", "start", "end"];
const FIELDS = [...TIMING, "name", "budget", "prompt.name", "prompt", "extractor", "monitor", "uri", "collection", "results"];
const TYPING_MS = 300;

export function ScheduleForm() {
  const [terms, setTerms] = useState({ name: "", expression: "cron(0 2 * * ? *)", time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone, start: "", end: "", budget: "", kind: "batch", period: "week", prompt: "", extractor: "", monitor: "", collection: "", into: "", uri: "", remove: false });
  const [save, busy, error] = useAction(async () => {
    const made = await post("v1/schedules", bodyOf(terms));
    go(["schedule", made.name]);
  });
  const of = (name) => ({ value: terms[name], onChange: (value) => setTerms((all) => ({ ...all, [name]: value })), error });
  const submit = (event) => {
    event.preventDefault();
    save();
  };
  return html`<${Screen} title="New schedule"><form class="narrow" onSubmit=${submit}>
    <${Input} label="Name" hint="Small letters, digits, - and _" required pattern="[a-z0-9][a-z0-9_\\-]{0,62}" ...${of("name")} of=${["name"]} />
    <fieldset><legend>When</legend><${When} of=${of} terms=${terms} refused=${error} /></fieldset>
    <fieldset><legend>What</legend><${Input} as="select" label="Work" ...${of("kind")} of=${["work.kind"]}>${Object.entries(KINDS).map(([kind, title]) => html`<option value=${kind}>${title}</option>`)}<//>
      <${Work} of=${of} kind=${terms.kind} />
      <${Input} label="Dollars a run at most" hint="Empty: only the tenant's budgets bound it." inputmode="decimal" ...${of("budget")} of=${["budget"]} /></fieldset>
    <${FormProblem} error=${error} of=${FIELDS} />
    <div class="actions"><button type="submit" class="primary" disabled=${busy}>Save the schedule</button></div></form><//>`;
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

function bodyOf({ name, budget, kind, ...given }) {
  const from = given.collection ? { collection: given.collection } : {};
  const results = given.into ? { results: [{ type: "collection", collection: given.into }] } : {};
  const work = {
    batch: { source: { type: "documents", ...from }, prompt: { name: given.prompt }, ...results },
    extraction: { extractor: given.extractor, ...from },
    report: { period: given.period, ...results },
    export: from,
    sync: { uri: given.uri, ...from, remove: given.remove },
    watch: { monitor: given.monitor },
  }[kind];
  return { name, ...timingOf(given), ...(budget && { budget }), work: { kind, ...work } };
}

const timingOf = ({ expression, time_zone, start, end }) => ({ expression, time_zone, ...(start && { start: new Date(start).toISOString() }), ...(end && { end: new Date(end).toISOString() }) });

// One training: its curves while it learns, why it ended, and the card of what came of it.

import { get } from "./api.js";
import { Cards, loadCard } from "./card.js";
import { Curves } from "./curves.js";
import { count, percent, when } from "./format.js";
import { link } from "./route.js";
import { isRunning } from "./trainings.js";
import { Badge, Loaded, Problem, Screen, html, useLoaded, usePolling } from "./ui.js";

const SOON_MS = 3000;
const BETWEEN_MS = 600_000;
const OF_A_GROUP = /-\d{8}-\d{6}$/;

export default function TrainingScreen({ parts }) {
  const name = parts[1];
  const loaded = useLoaded((signal) => get(`v1/trainings/${encodeURIComponent(name)}`, {}, { signal }), [name]);
  const finished = loaded.value?.finishing && !isRunning(loaded.value.finishing);
  const card = useLoaded((signal) => (finished ? loadCard(name, signal) : null), [name, finished]);
  usePolling(loaded.reload, SOON_MS, loaded.value ? goesOn(loaded.value) : false);
  return html`<${Screen} title=${name}><${Loaded} of=${loaded}>${(training) => html`
    <${Summary} training=${training} />
    ${training.progress ? html`<h2>Curves${isRunning(training.training) ? " so far" : ""}</h2><${Curves} runs=${[{ label: training.recipe || "Training", curves: training.progress.curves }]} />` : html`<p class="quiet">${waiting(training)}</p>`}
    <${Problem} error=${card.error} retry=${card.reload} />
    ${card.value && html`<h2>Card</h2><${Cards} models=${[{ label: "This training", shown: card.value }]} curves=${!training.progress} />`}`}<//><//>`;
}

// Between the job that learns and the one that judges there may be a minute without either.
function goesOn({ state, ended_at: ended, training, finishing }) {
  if (isRunning(training)) return true;
  if (finishing) return isRunning(finishing);
  return state === "completed" && Date.now() - Date.parse(ended) < BETWEEN_MS;
}

function waiting(training) {
  return isRunning(training.training) ? "No step was made yet: the machine starts, or the data is copied." : "It left no curves.";
}

function Summary({ training }) {
  const { progress, finishing } = training;
  const group = training.name.replace(OF_A_GROUP, "");
  return html`<dl class="facts">
    <dt>State</dt><dd><${Badge} state=${stateOf(training)} /> <span class="quiet" role="status">${isRunning(training.training) ? training.training.phase : ""}</span>
      ${training.training.reason && html`<div class="reason">${training.training.reason}</div>`}</dd>
    ${progress && html`<dt>Steps</dt><dd>${count(progress.step)} of ${count(progress.steps)}<progress max=${progress.steps} value=${progress.step} aria-label=${`${percent(progress.step / progress.steps)} of the steps`}></progress>
      <span class="quiet">as of ${when(progress.updated_at)}</span></dd>`}
    <dt>Recipe</dt><dd>${training.recipe || "–"} <span class="quiet">${training.preset}</span></dd>
    <dt>On</dt><dd>${training.instance || "–"}</dd>
    <dt>Began</dt><dd>${when(training.created_at)}</dd>
    ${training.ended_at && html`<dt>Learned until</dt><dd>${when(training.ended_at)}</dd>`}
    ${finishing && html`<dt>Judged</dt><dd><${Badge} state=${finishing.state} /> <span class="quiet">${isRunning(finishing) ? finishing.phase : when(finishing.ended_at)}</span>${finishing.reason && html`<div class="reason">${finishing.reason}</div>`}</dd>`}
    ${finishing?.state === "completed" && group !== training.name && html`<dt>Versions</dt><dd><a href=${link(["versions"], { group })}>${group}</a></dd>`}</dl>`;
}

// SageMaker knows that a job failed, and the job itself that it diverged.
function stateOf({ state, progress }) {
  return progress?.state === "diverged" && state === "failed" ? "diverged" : state;
}

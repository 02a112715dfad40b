// The shell: navigation, the key, and the screen that the address names, loaded when it is opened.

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";

import { forgetCalls, get } from "./api.js";
import { useRoute } from "./route.js";
import { isKey, key, onSession, refused, signIn, signOut, takeKeyFromAddress } from "./session.js";
import { Field, Problem, html, useAction } from "./ui.js";

// Screens with a `group` stand together behind one entry of the bar; those with `of` are opened from
// that screen, and have no entry.
const SCREENS = [
  { name: "documents", title: "Documents", load: () => import("./documents.js") },
  { name: "document", of: "documents", load: () => import("./document.js") },
  { name: "ask", title: "Ask", load: () => import("./ask.js") },
  { name: "search", title: "Search", load: () => import("./search.js") },
  { name: "extractions", title: "Extracted", group: "Extractions", load: () => import("./extractions.js") },
  { name: "extract", of: "extractions", load: () => import("./extract.js") },
  { name: "extraction", of: "extractions", load: () => import("./extractions.js") },
  { name: "review", title: "Review", group: "Extractions", load: () => import("./reviews.js") },
  { name: "labelling", title: "Labelling", group: "Extractions", load: () => import("./labelling.js") },
  { name: "extractors", title: "Extractors", group: "Extractions", load: () => import("./extractors.js") },
  { name: "chat", group: "Generate", title: "Chat", load: () => import("./chat.js") },
  { name: "images", group: "Generate", title: "Images", load: () => import("./images.js") },
  { name: "prompts", group: "Generate", title: "Prompts", load: () => import("./prompts.js") },
  { name: "prompt", of: "prompts", load: () => import("./prompt.js") },
  { name: "batches", group: "Generate", title: "Batches", load: () => import("./batches.js") },
  { name: "models", group: "Models", title: "Models", load: () => import("./models.js") },
  { name: "versions", group: "Models", title: "Versions", load: () => import("./versions.js") },
  { name: "trainings", group: "Models", title: "Trainings", load: () => import("./trainings.js") },
  { name: "training", of: "trainings", load: () => import("./training.js") },
  { name: "rollouts", group: "Models", title: "Rollouts", load: () => import("./rollouts.js") },
  { name: "rollout", of: "rollouts", load: () => import("./rollout.js") },
  { name: "monitors", group: "Models", title: "Monitors", load: () => import("./monitors.js") },
  { name: "monitor", of: "monitors", load: () => import("./monitor.js") },
  { name: "evaluations", group: "Models", title: "Evaluations", load: () => import("./evaluations.js") },
  { name: "evaluation", of: "evaluations", load: () => import("./evaluation.js") },
  { name: "jobs", group: "Operations", title: "Jobs", load: () => import("./jobs.js") },
  { name: "job", of: "jobs", load: () => import("./job.js") },
  { name: "schedules", group: "Operations", title: "Schedules", load: () => import("./schedules.js") },
  { name: "schedule", of: "schedules", load: () => import("./schedule.js") },
  { name: "usage", group: "Operations", title: "Usage", load: () => import("./usage.js") },
  { name: "webhooks", group: "Operations", title: "Webhooks", load: () => import("./webhooks.js") },
  { name: "webhook", of: "webhooks", load: () => import("./webhook.js") },
  { name: "keys", group: "Operations", title: "Keys", load: () => import("./keys.js") },
];
const LISTED = SCREENS.filter((each) => !each.of);
const ENTRIES = LISTED.filter((each, n) => !each.group || LISTED.findIndex((other) => other.group === each.group) === n);

const screenOf = (name) => SCREENS.find((each) => each.name === name);

function App() {
  const [, redraw] = useState(0);
  useEffect(() => onSession(() => redraw((n) => n + 1)), []);
  return key() ? html`<${Shell} />` : html`<${SignIn} />`;
}

function SignIn() {
  const [text, setText] = useState("");
  const [remember, setRemember] = useState(false);
  const [run, busy, error] = useAction(async () => {
    if (!isKey(text)) throw new Error("A key begins with hr_ and has 32 characters or more behind it.");
    signIn(text, remember);
  });
  const submit = (event) => {
    event.preventDefault();
    run();
  };
  return html`<main class="sign-in"><h1>Headrace</h1>
    <p>Sign in by an API key. <code>headrace up</code> prints one; on AWS an operator gives it to you.</p>
    ${refused() && html`<p class="problem" role="alert">${refused()} With another you come back to where you were.</p>`}
    <form onSubmit=${submit}>
      <${Field} label="API key"><input type="password" name="key" autocomplete="current-password" required value=${text} onInput=${(event) => setText(event.target.value.trim())} /><//>
      <label class="check"><input type="checkbox" checked=${remember} onChange=${(event) => setRemember(event.target.checked)} /> Stay signed in on this computer</label>
      <${Problem} error=${error} />
      <button type="submit" class="primary" disabled=${busy}>Sign in</button>
    </form></main>`;
}

function Shell() {
  const route = useRoute();
  const name = route.parts[0] ?? "documents";
  useEffect(forgetCalls, [route.parts.join("/")]);
  useEffect(() => document.getElementById("title")?.focus({ preventScroll: true }), [route.parts.join("/")]);
  return html`<a class="skip" href="#title" onClick=${(event) => { event.preventDefault(); document.getElementById("title")?.focus(); }}>Skip to the content</a>
    <${Bar} name=${name} />
    <main><${Opened} key=${name} name=${name} route=${route} /></main>`;
}

function Bar({ name }) {
  const [open, setOpen] = useState(false);
  const present = screenOf(screenOf(name)?.of ?? name);
  const group = present?.group ? LISTED.filter((each) => each.group === present.group) : [];
  useEffect(() => {
    setOpen(false);
    document.querySelector(".group [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [name]);
  return html`<header class="top"><a class="brand" href="#/documents">Headrace</a>
      <button type="button" class="menu" aria-expanded=${open} aria-controls="screens" onClick=${() => setOpen(!open)}>Menu</button>
      <nav id="screens" aria-label="Screens" class=${open ? "open" : ""}>${ENTRIES.map((each) => html`<a href=${`#/${each.name}`} aria-current=${each === present || (each.group && each.group === present?.group) ? "page" : null}>${each.group ?? each.title}</a>`)}
        <button type="button" class="plain" onClick=${() => signOut()}>Sign out</button></nav></header>
    ${group.length > 1 && html`<nav class="group" aria-label=${present.group}>${group.map((each) => html`<a href=${`#/${each.name}`} aria-current=${each === present ? "page" : null}>${each.title}</a>`)}</nav>`}`;
}

function Opened({ name, route }) {
  const [state, setState] = useState({});
  const load = async () => {
    try {
      const screen = screenOf(name);
      if (!screen) throw new Error(`There is no screen ${name}.`);
      setState({ view: (await screen.load()).default });
    } catch (error) {
      setState({ error: await explained(error) });
    }
  };
  useEffect(() => { load(); }, [name]);
  if (state.error) return html`<h1 id="title" tabindex="-1">This screen cannot be shown</h1><${Problem} error=${state.error} retry=${() => location.reload()} />`;
  return state.view ? html`<${state.view} ...${route} />` : html`<p class="quiet" role="status">Loading…</p>`;
}

// A page that was open while a new version was deployed asks for files that are no more.
async function explained(error) {
  if (!(error instanceof TypeError)) return error;
  const reached = await get("v1/health", {}, { quiet: true }).then(() => true, (failure) => failure.status > 0);
  return reached ? new Error("The console was updated meanwhile: load the page again.") : new Error("The API cannot be reached.");
}

takeKeyFromAddress();
render(html`<${App} />`, document.getElementById("app"));

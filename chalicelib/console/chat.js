// Chat: a conversation with a model by name, or with the cheapest that suffices; answers as they come.

import { useRef, useState } from "preact/hooks";

import { get, stream } from "./api.js";
import { ModelField, costBefore } from "./models_field.js";
import { Field, MessageForm, Problem, Receipt, Screen, html, useLoaded } from "./ui.js";

const CHARACTERS_A_TOKEN = 3; // Fewer than of English; of scripts such as Chinese it is one or less.

export default function Chat({ query }) {
  const [turns, setTurns] = useState([]);
  const [terms, setTerms] = useState({ model: query.model ?? "auto", system: "", max: 512 });
  const models = useLoaded((signal) => get("v1/models", {}, { signal }), []);
  const control = useRef(null);
  const busy = turns.at(-1)?.busy;
  const last = (more) => setTurns((all) => all.map((turn, n) => (n === all.length - 1 ? { ...turn, ...more(turn) } : turn)));
  const send = async (text) => {
    setTurns((all) => [...all, { asked: text, text: "", busy: true }]);
    control.current = new AbortController();
    try {
      await stream("v1/chat/completions", bodyOf(turns, text, terms), (event) => last((turn) => folded(turn, event)), { signal: control.current.signal });
    } catch (error) {
      last(() => (error.name === "AbortError" ? { stopped: true } : { error }));
    } finally {
      last(() => ({ busy: false }));
    }
  };
  const clear = () => {
    control.current?.abort();
    setTurns([]);
  };
  const before = (text) => `${costBefore(models.value?.data, terms.model, { in: tokensOf(turns, text, terms), out: terms.max })} Tokens are estimated by length.`;
  return html`<${Screen} title="Chat" actions=${turns.length > 0 && html`<button type="button" onClick=${clear}>New conversation</button>`}>
    <${Terms} models=${models} terms=${terms} onChange=${(change) => setTerms({ ...terms, ...change })} />
    ${turns.map((turn, n) => html`<${Turn} key=${n} turn=${turn} />`)}
    <${MessageForm} label="Message" name="message" action="Send" rows="3" onSend=${send} busy=${busy} onStop=${() => control.current?.abort()} hint=${before} />
  <//>`;
}

function bodyOf(turns, text, { model, system, max }) {
  const said = turns.filter((turn) => turn.text && !turn.error).flatMap((turn) => [{ role: "user", content: turn.asked }, { role: "assistant", content: turn.text }]);
  const messages = [...(system.trim() ? [{ role: "system", content: system.trim() }] : []), ...said, { role: "user", content: text }];
  return { model, messages, max_completion_tokens: max, stream: true };
}

function tokensOf(turns, text, { system }) {
  const characters = turns.reduce((sum, turn) => sum + turn.asked.length + turn.text.length, system.length + text.length);
  return Math.ceil(characters / CHARACTERS_A_TOKEN) + 20;
}

function folded(turn, event) {
  if (event.error) return { error: Object.assign(new Error(event.error.message ?? "The answer broke off."), event.error) };
  const [choice] = event.choices ?? [];
  return {
    ...(choice?.delta?.content && { text: turn.text + choice.delta.content }),
    ...(choice?.finish_reason && { finish: choice.finish_reason }),
    ...(event.headrace && { after: event.headrace }),
  };
}

function Terms({ models, terms, onChange }) {
  return html`<div class="filters">
    <${ModelField} models=${models} task="chat" value=${terms.model} onChange=${(model) => onChange({ model })} />
    <${Field} label="Tokens at most"><input type="number" min="1" max="8192" value=${terms.max} onChange=${(event) => onChange({ max: Math.max(1, Number(event.target.value) || 512) })} /><//>
    </div><${Field} label="Instructions"><input maxlength="4000" value=${terms.system} placeholder="None" onChange=${(event) => onChange({ system: event.target.value })} /><//>`;
}

function Turn({ turn }) {
  return html`<article class="turn"><h2>${turn.asked}</h2><div aria-live="polite" aria-busy=${turn.busy}>
    ${turn.busy && !turn.text && html`<p class="quiet">Waiting for the model…</p>`}
    <p class="answer">${turn.text}</p>
    ${turn.stopped && html`<p class="quiet">Stopped. What was written until then is paid for.</p>`}
    ${turn.finish === "length" && html`<p class="quiet">Cut off: the answer needs more tokens than it may have.</p>`}
    <${Problem} error=${turn.error} /></div>
    ${turn.after && html`<${After} after=${turn.after} />`}</article>`;
}

/** Show which model answered, what it cost, and how it was chosen. */
export function After({ after }) {
  return html`<p class="quiet">Answered by ${after.answered_by}.</p><${Receipt} receipt=${after.receipt} />
    ${after.plan?.length > 0 && html`<details><summary>How the model was chosen</summary><ul>${after.plan.map((line) => html`<li>${line}</li>`)}</ul></details>`}`;
}

// The form of a prompt: its first version, or another one, begun from what a version says.

import { useState } from "preact/hooks";

import { get, post } from "./api.js";
import { FormProblem, Input } from "./form.js";
import { ModelField } from "./models_field.js";
import { go } from "./route.js";
import { Loaded, Screen, html, useAction, useLoaded } from "./ui.js";

const TYPES = { string: "text", document: "document: text that somebody else wrote", integer: "whole number", number: "number", boolean: "yes or no", enum: "one of some texts", strings: "list of texts" };
const EMPTY = { description: "", variables: {}, role: "", turns: [{ name: "answer", template: "" }], parameters: { max_tokens: 512 }, terms: { model: "auto" } };
const NAMED = /\{\{-?\s*([a-z][a-z0-9_]*)|\{%-?\s*(?:if|elif|for\s+\w+\s+in)\s+([a-z][a-z0-9_]*)/g;
const FIELDS = ["name", "description", "role", "turns", "parameters", "terms.model"];

export function PromptForm({ name, version }) {
  const path = name && `v1/prompts/${encodeURIComponent(name)}/versions/${encodeURIComponent(version ?? "latest")}`;
  const loaded = useLoaded((signal) => (path ? get(path, {}, { signal }) : { content: EMPTY, version: 0 }), [path]);
  return html`<${Screen} title=${name ? `New version of ${name}` : "New prompt"}><${Loaded} of=${loaded}>${(base) => html`<${Form} key=${base.version} given=${name ?? ""} base=${base} />`}<//><//>`;
}

function Form({ given, base }) {
  const [name, setName] = useState(given);
  const [content, setContent] = useState(base.content);
  const [said, setSaid] = useState("");
  const models = useLoaded((signal) => get("v1/models", {}, { signal }), []);
  const change = (more) => setContent((all) => ({ ...all, ...more }));
  const variables = variablesOf(content);
  const [save, busy, error] = useAction(async () => {
    setSaid("");
    const saved = await post("v1/prompts", { ...content, name, variables });
    if (saved.created) go(["prompt", name]);
    else setSaid(`Version ${saved.version} says this already.`);
  });
  const submit = (event) => {
    event.preventDefault();
    save();
  };
  const setTurn = (at, more) => change({ turns: content.turns.map((each, n) => (n === at ? { ...each, ...more } : each)) });
  const setParameter = (label) => (value) => change({ parameters: { ...content.parameters, [label]: value === "" ? undefined : Number(value) } });
  return html`<form class="narrow" onSubmit=${submit}>
    ${base.version > 0 && html`<p class="quiet">Begun from version ${base.version}. What this form does not show, such as examples and a schema, stays as it is there.</p>`}
    ${!given && html`<${Input} label="Name" hint="Small letters, digits, - and _" required pattern="[a-z0-9][a-z0-9_\\-]{0,62}" value=${name} onChange=${setName} error=${error} of=${["name"]} />`}
    <${Input} label="Description" maxlength="1000" value=${content.description} onChange=${(description) => change({ description })} error=${error} of=${["description"]} />
    <${Input} as="textarea" label="System text" rows="3" value=${content.role} onChange=${(role) => change({ role })} error=${error} of=${["role"]} />
    ${content.turns.map((turn, at) => html`<${Input} key=${at} as="textarea" class="code" label=${content.turns.length > 1 ? `Turn ${at + 1}, whose answer is named ${turn.name}` : "Text"} hint=${at ? "" : "{{ name }} is a variable."} rows="6" required value=${turn.template} onChange=${(template) => setTurn(at, { template })} error=${error} of=${[`turns.${at}`, ...(content.turns.length === 1 ? ["turns"] : [])]} />`)}
    ${Object.keys(variables).length > 0 && html`<fieldset><legend>Variables</legend>${Object.entries(variables).map(([each, variable]) => html`<${Variable} key=${each} name=${each} variable=${variable} error=${error} onChange=${(next) => change({ variables: { ...variables, [each]: next } })} />`)}</fieldset>`}
    <fieldset><legend>Model</legend><${ModelField} models=${models} task=${content.image ? "image" : "chat"} value=${content.terms.model} onChange=${(model) => change({ terms: { ...content.terms, model } })} />
      <${Input} label="Tokens at most" type="number" min="1" required value=${content.parameters.max_tokens ?? ""} onChange=${setParameter("max_tokens")} error=${error} of=${["parameters.max_tokens"]} />
      <${Input} label="Temperature" hint="Empty: the model's own" type="number" min="0" max="2" step="any" value=${content.parameters.temperature ?? ""} onChange=${setParameter("temperature")} error=${error} of=${["parameters.temperature"]} /></fieldset>
    <${FormProblem} error=${error} of=${[...FIELDS, ...Object.keys(variables).map((each) => `variables.${each}`)]} /><p class="quiet" role="status">${said}</p>
    <div class="actions"><button type="submit" class="primary" disabled=${busy}>${given ? "Save the version" : "Save the prompt"}</button></div></form>`;
}

function Variable({ name, variable, error, onChange }) {
  const typed = (type) => onChange({ type, description: variable.description ?? "", required: variable.required ?? true, ...(type === "enum" && { values: variable.values ?? [] }) });
  return html`<div class="filters"><${Input} as="select" label=${`Type of ${name}`} value=${variable.type} onChange=${typed} error=${error} of=${[`variables.${name}`]}>${Object.entries(TYPES).map(([type, title]) => html`<option value=${type}>${title}</option>`)}<//>
    ${variable.type === "enum" && html`<${Input} label="Texts, with commas between" required value=${variable.values.join(",")} onChange=${(text) => onChange({ ...variable, values: text.split(",").map((each) => each.trim()) })} of=${[]} />`}
    <${Input} label=${`What ${name} is`} value=${variable.description ?? ""} maxlength="500" onChange=${(description) => onChange({ ...variable, description })} of=${[]} /></div>`;
}

// The variables that the texts name, those that have a type first as they are; outputs of turns are none.
function variablesOf({ variables, role, turns, verifier, negative_prompt: negative }) {
  const texts = [role, negative ?? "", verifier?.role ?? "", verifier?.template ?? "", ...turns.map((each) => each.template)].join("\n");
  const outputs = new Set([...turns.map((each) => each.name), "answer"]);
  const named = [...texts.matchAll(NAMED)].map((found) => found[1] ?? found[2]).filter((each) => !outputs.has(each) && each !== "loop");
  const looped = new Set([...texts.matchAll(/\{%-?\s*for\s+(\w+)\s+in/g)].map((found) => found[1]));
  return Object.fromEntries([...new Set(named)].filter((each) => !looped.has(each)).map((each) => [each, variables[each] ?? { type: "string" }]));
}

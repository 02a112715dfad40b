// The variables of a prompt: a field for each, and their values as the API wants them.

import { Field, html } from "./ui.js";

export function VariableFields({ variables, given, onChange }) {
  const set = (name, value) => onChange({ ...given, [name]: value });
  return html`${Object.entries(variables).map(([name, variable]) => html`<${Field} key=${name} label=${name} hint=${hintOf(variable)}><${Input} variable=${variable} value=${given[name]} onChange=${(value) => set(name, value)} /><//>`)}`;
}

function Input({ variable, value, onChange }) {
  const required = variable.required !== false && (variable.default === undefined || variable.default === null);
  const typed = (event) => onChange(event.target.value);
  if (variable.type === "enum") return html`<select value=${value ?? ""} required=${required} onChange=${typed}><option value=""></option>${variable.values.map((each) => html`<option value=${each}>${each}</option>`)}</select>`;
  switch (variable.type) {
    case "boolean": return html`<select value=${value ?? ""} required=${required} onChange=${typed}><option value=""></option><option value="true">yes</option><option value="false">no</option></select>`;
    case "integer":
    case "number": return html`<input type="number" step=${variable.type === "integer" ? 1 : "any"} required=${required} value=${value ?? ""} onInput=${typed} />`;
    case "string": return html`<input required=${required} value=${value ?? ""} onInput=${typed} />`;
    default: return html`<textarea rows=${variable.type === "strings" ? 2 : 4} required=${required} value=${value ?? ""} onInput=${typed}></textarea>`;
  }
}

function hintOf(variable) {
  const kinds = { strings: "One a line.", document: "Text that somebody else wrote; it is fenced." };
  const byDefault = variable.default === undefined || variable.default === null ? "" : `If empty: ${variable.default}.`;
  return [kinds[variable.type], variable.description, byDefault].filter(Boolean).join(" ");
}

/** Return the values that were given, by the types of their variables; one left empty is left out. */
export function valuesOf(variables, given) {
  const entries = Object.entries(variables).map(([name, { type }]) => [name, valueOf(name, type, given[name] ?? "")]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function valueOf(name, type, text) {
  if (!text.trim()) return undefined;
  switch (type) {
    case "integer":
    case "number": return Number(text);
    case "boolean": return text === "true";
    case "strings": return text.split("\n").map((each) => each.trim()).filter(Boolean);
    default: return text;
  }
}

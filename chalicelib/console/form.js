// Parts of forms: inputs that show the API's error beside them, and names to choose from.

import { useEffect, useId } from "preact/hooks";

import { ApiError, get } from "./api.js";
import { Field, Problem, html, useLoaded } from "./ui.js";

/** Whether `error` is about one of the API's fields `of`, however deep it stands in the body. */
export const isAbout = (error, of) => error instanceof ApiError && of.some((name) => error.field === name || error.field?.endsWith(`.${name}`) || error.field?.startsWith(`${name}.`));

/** An input, or what else `as` names, with `error` below it where it is about the fields `of`. */
export function Input({ label, hint, of, error, as = "input", value, onChange, children, ...rest }) {
  const id = useId();
  const wrong = isAbout(error, of);
  const given = { ...rest, value, "aria-invalid": wrong, "aria-describedby": wrong ? id : null, onInput: (event) => onChange(event.target.value) };
  const control = { input: () => html`<input ...${given} />`, textarea: () => html`<textarea ...${given}></textarea>`, select: () => html`<select ...${given}>${children}</select>` }[as]();
  return html`<${Field} label=${label} hint=${hint}>${control}<//>${wrong && html`<p class="reason" id=${id} role="alert">${error.message}</p>`}`;
}

/** An input for the name of something that `path` lists, which are suggested. */
export function NameInput({ path, ...rest }) {
  const id = useId();
  const listed = useLoaded((signal) => get(path, {}, { signal }), [path]);
  return html`<${Input} list=${id} autocomplete="off" ...${rest} /><datalist id=${id}>${(listed.value?.items ?? listed.value?.data ?? []).map((each) => html`<option value=${each.name ?? each.id}></option>`)}</datalist>`;
}

/** The error of a form, unless an input shows it: `of` are the fields of all of them. */
export function FormProblem({ error, of }) {
  useEffect(() => {
    if (error) document.querySelector("main [aria-invalid='true']")?.focus();
  }, [error]);
  return isAbout(error, of) ? null : html`<${Problem} error=${error} />`;
}

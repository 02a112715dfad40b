// Images: pictures by a model from a description, each with what it cost.

import { useState } from "preact/hooks";

import { get, post } from "./api.js";
import { After } from "./chat.js";
import { ModelField, costBefore } from "./models_field.js";
import { Field, Problem, Screen, html, useAction, useLoaded } from "./ui.js";

const DRAWN = "stable-image-core";

export default function Images({ query }) {
  const models = useLoaded((signal) => get("v1/models", {}, { signal }), []);
  const [terms, setTerms] = useState({ prompt: "", negative_prompt: "", model: query.model ?? DRAWN, n: 1, seed: "" });
  const [made, setMade] = useState([]);
  const [draw, busy, error] = useAction(async () => {
    const { prompt, negative_prompt, model, n, seed } = terms;
    const answer = await post("v1/images/generations", { prompt, model, n, response_format: "b64_json", ...(negative_prompt && { negative_prompt }), ...(seed !== "" && { seed: Number(seed) }) }, { once: true });
    setMade((all) => [{ prompt, ...answer }, ...all]);
  });
  const change = (name) => (event) => setTerms({ ...terms, [name]: event.target.value });
  return html`<${Screen} title="Images">
    <form onSubmit=${(event) => { event.preventDefault(); draw(); }}>
      <${Field} label="Picture"><textarea name="prompt" rows="2" required maxlength="4000" value=${terms.prompt} onInput=${change("prompt")}></textarea><//>
      <${Field} label="Not to be seen"><input value=${terms.negative_prompt} onInput=${change("negative_prompt")} /><//>
      <div class="filters"><${ModelField} models=${models} task="image" auto=${false} value=${terms.model} onChange=${(model) => setTerms({ ...terms, model })} />
        <${Field} label="How many"><input type="number" min="1" max="4" value=${terms.n} onChange=${(event) => setTerms({ ...terms, n: Number(event.target.value) })} /><//>
        <${Field} label="Seed"><input type="number" min="0" value=${terms.seed} placeholder="Any" onChange=${change("seed")} /><//></div>
      <div class="actions"><button type="submit" class="primary" disabled=${busy}>Draw</button><span class="quiet" role="status">${busy ? "Drawing…" : costBefore(models.value?.data, terms.model, { images: terms.n })}</span></div>
      <${Problem} error=${error} />
    </form>
    ${made.map((each) => html`<${Drawn} key=${each.headrace.generation_id} answer=${each} />`)}
  <//>`;
}

function Drawn({ answer }) {
  return html`<article class="turn"><h2>${answer.prompt}</h2><div class="pictures">
    ${answer.data.map((each, n) => html`<a href=${addressOf(each.b64_json)} download=${`picture-${n + 1}`} title="Download"><img src=${addressOf(each.b64_json)} alt=${`${answer.prompt}, picture ${n + 1}`} /></a>`)}</div>
    <${After} after=${answer.headrace} /></article>`;
}

// The kind of a picture is told by its first bytes in base64: PNG, JPEG, WebP.
function addressOf(base64) {
  const type = { i: "png", "/": "jpeg", U: "webp" }[base64[0]] ?? "png";
  return `data:image/${type};base64,${base64}`;
}

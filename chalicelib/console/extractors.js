// Saved extractors: their schemas by version, another version, and where each is used.

import { useEffect, useState } from "preact/hooks";

import { get, post, put, remove } from "./api.js";
import { when } from "./format.js";
import { go, link } from "./route.js";
import { EXAMPLE, SchemaField, isOfSchema, parsedSchema } from "./schemas.js";
import { ConfirmButton, Field, Loaded, Problem, Screen, Table, html, useAction, useLoaded, usePages } from "./ui.js";

const NEW = "+";
const A_PAGE = 50;

export default function Extractors({ parts, query }) {
  const name = parts[1];
  if (name === NEW) return html`<${New} />`;
  return name ? html`<${One} key=${`${name}@${query.version ?? ""}`} name=${name} version=${query.version} />` : html`<${List} />`;
}

function List() {
  const listed = usePages((cursor, signal) => get("v1/extractors", { limit: A_PAGE, cursor }, { signal }), []);
  return html`<${Screen} title="Extractors" actions=${html`<a class="button primary" href=${link(["extractors", NEW])}>New extractor</a>`}>
    <${Loaded} of=${listed}>${({ items }) => html`<${Table} caption="Extractors" rows=${items} keyOf=${(each) => each.name} empty="No extractor is saved. An extractor is a schema with a name." columns=${[
      { title: "Name", cell: (each) => html`<a href=${link(["extractors", each.name])}>${each.name}</a>` },
      { title: "Newest version", kind: "number", cell: (each) => each.version },
      { title: "Description", kind: "wide", cell: (each) => each.description },
      { title: "Model for open fields", cell: (each) => each.model?.model ?? "none" },
      { title: "Changed", cell: (each) => when(each.updated_at) },
    ]} />`}<//>${listed.pager}<//>`;
}

function New() {
  const [name, setName] = useState("");
  const save = async (body) => {
    const made = await post("v1/extractors", { name, ...body });
    go(["extractors", made.name]);
  };
  return html`<${Screen} title="New extractor"><${Form} save=${save} label="Save">
    <${Field} label="Name" hint="Small letters, digits, - and _"><input required value=${name} pattern="[a-z0-9][a-z0-9_\\-]{0,62}" onInput=${(event) => setName(event.target.value.trim())} /><//><//><//>`;
}

function One({ name, version }) {
  const loaded = useLoaded((signal) => get(`v1/extractors/${name}`, { version }, { signal }), [name, version]);
  const [said, setSaid] = useState("");
  const save = async (body) => {
    setSaid("");
    const { model } = loaded.value;
    const made = await put(`v1/extractors/${name}`, model ? { ...body, ...model } : body);
    setSaid(made.version === loaded.value.version ? "Nothing has changed." : `${name}@${made.version} is saved.`);
    if (version) go(["extractors", name]);
    else await loaded.reload();
  };
  const removed = async () => {
    await remove(`v1/extractors/${name}`);
    go(["extractors"]);
  };
  return html`<${Screen} title=${loaded.value ? `${name}@${loaded.value.version}` : name} actions=${html`<a class="button" href=${link(["extract"], { extractor: name })}>Extract</a><${ConfirmButton} label="Delete" question=${`${name} is deleted with all its versions. Extractions keep the schema that they were made by.`} onConfirm=${removed} />`}>
    <${Loaded} of=${loaded}>${(extractor) => html`
      <nav class="actions" aria-label="Versions"><span class="quiet">Versions</span><${Versions} name=${name} extractor=${extractor} asked=${version} /></nav>
      <${Form} extractor=${extractor} save=${save} label="Save as a new version" /><p class="quiet" role="status">${said}</p>`}<//><//>`;
}

function Versions({ name, extractor, asked }) {
  const before = Array.from({ length: Math.min(extractor.version, 20) }, (_, n) => extractor.version - n).filter((each) => each > 0);
  return html`${asked && html`<a class="button" href=${link(["extractors", name])}>Newest</a>`}${before.map((each) => html`<a class="button" aria-current=${each === extractor.version ? "true" : null} href=${link(["extractors", name], { version: each })}>${each}</a>`)}`;
}

function Form({ extractor, save, label, children }) {
  const [description, setDescription] = useState(extractor?.description ?? "");
  const [text, setText] = useState(extractor ? JSON.stringify(extractor.json_schema, null, 2) : EXAMPLE);
  useEffect(() => { if (extractor) setText(JSON.stringify(extractor.json_schema, null, 2)); }, [extractor?.version]);
  const [run, busy, error] = useAction(() => save({ description, json_schema: parsedSchema(text) }));
  const submit = (event) => {
    event.preventDefault();
    run();
  };
  return html`<form onSubmit=${submit}>${children}
    <${Field} label="Description"><input maxlength="500" value=${description} onInput=${(event) => setDescription(event.target.value)} /><//>
    <${SchemaField} text=${text} onText=${setText} error=${error} />
    <${Problem} error=${isOfSchema(error) ? null : error} />
    <div class="actions"><button type="submit" class="primary" disabled=${busy}>${label}</button></div></form>`;
}

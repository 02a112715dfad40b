// The form of an evaluation: who answers which cases, how answers are graded, and what it may cost;
// or a whole suite as JSON.

import { useState } from "preact/hooks";

import { ApiError, post } from "./api.js";
import { FormProblem, Input, NameInput } from "./form.js";
import { go } from "./route.js";
import { Screen, html, useAction } from "./ui.js";

const TARGETS = { prompt: ["Versions of a prompt", "v1/prompts"], model: ["Models", "v1/models"], ask: ["Questions to a collection", "v1/collections"] };
const GRADERS = { contains: "contains what is expected", exact: "is what is expected", numeric: "has the expected number", rouge: "overlaps by words", similarity: "is near in meaning" };
const EXAMPLE = '{"input": "How long is the headrace?", "expected": "340 metres"}\n{"input": "Who made the turbine?", "expected": "Voss Hydro"}';
const FIELDS = ["name", "targets", "cases", "graders", "budget", "gate", "variables", "suite"];

export function EvaluationForm() {
  const [terms, setTerms] = useState({ name: "", kind: "prompt", subject: "", versions: "latest", models: "auto", cases: "", grader: "contains", least: "", budget: "0.10", asJson: false, json: "" });
  const [run, busy, error] = useAction(async () => {
    const suite = terms.asJson ? parsed(terms.json, "suite") : suiteOf(terms);
    const made = await post("v1/evaluations", { suite });
    go(["evaluation", made.evaluation_id]);
  });
  const of = (name, ...fields) => ({ value: terms[name], onChange: (value) => setTerms((all) => ({ ...all, [name]: value })), error, of: fields });
  const submit = (event) => {
    event.preventDefault();
    run();
  };
  const toJson = (asJson) => setTerms((all) => ({ ...all, asJson, json: asJson && !all.json ? drafted(all) : all.json }));
  return html`<${Screen} title="New evaluation"><form class="narrow" onSubmit=${submit}>
    <label class="check"><input type="checkbox" checked=${terms.asJson} onChange=${(event) => toJson(event.target.checked)} /> Write the suite as JSON, with all that a suite can say</label>
    ${terms.asJson ? html`<${Input} as="textarea" class="code" label="Suite" rows="18" required spellcheck=${false} ...${of("json", ...FIELDS)} />` : html`<${Parts} of=${of} kind=${terms.kind} />`}
    <${FormProblem} error=${error} of=${FIELDS} />
    <div class="actions"><button type="submit" class="primary" disabled=${busy}>Run the evaluation</button></div></form><//>`;
}

function Parts({ of, kind }) {
  return html`<${Input} label="Name" hint="Small letters, digits, - and _" required pattern="[a-z0-9][a-z0-9_\\-]{0,62}" ...${of("name", "name")} />
    <fieldset><legend>Who answers</legend><${Input} as="select" label="Kind" ...${of("kind")}>${Object.entries(TARGETS).map(([each, [title]]) => html`<option value=${each}>${title}</option>`)}<//>
      ${kind === "model" ? html`<${Input} label="Models" hint="With commas between" required ...${of("models", "targets")} />` : html`<${NameInput} key=${kind} path=${TARGETS[kind][1]} label=${kind === "ask" ? "Collection" : "Prompt"} required=${kind === "prompt"} ...${of("subject", "targets")} />`}
      ${kind === "prompt" && html`<${Input} label="Versions" hint="Numbers or labels, with commas between; the first is what the others are compared with" required ...${of("versions")} />`}</fieldset>
    <${Input} as="textarea" class="code" label="Cases" hint=${kind === "prompt" ? "A line of JSON each, with the variables of the prompt and what is expected" : "A line of JSON each: input and what is expected"} rows="6" required spellcheck=${false} placeholder=${EXAMPLE} ...${of("cases", "cases", "variables", "suite")} />
    <${Input} as="select" label="An answer passes if it" ...${of("grader", "graders")}>${Object.entries(GRADERS).map(([each, title]) => html`<option value=${each}>${title}</option>`)}<//>
    <${Input} label="The gate: % of the cases that have to pass" hint="Empty: all of them" type="number" min="0" max="100" step="any" ...${of("least", "gate")} />
    <${Input} label="Dollars at most" inputmode="decimal" required ...${of("budget", "budget")} />`;
}

function suiteOf({ name, kind, subject, versions, models, cases, grader, least, budget }) {
  const targets = {
    prompt: () => listed(versions).map((each) => ({ kind, name: `${subject} ${each}`, prompt: subject, version: /^\d+$/.test(each) ? Number(each) : each })),
    model: () => listed(models).map((each) => ({ kind, name: each.replace(/[^\w .:-]/g, "-"), model: each })),
    ask: () => [{ kind, name: "ask", ...(subject && { collection: subject }) }],
  }[kind]();
  return { name, targets, ...(targets.length > 1 && { compare_to: targets[0].name }), cases: casesOf(cases, kind), graders: [grader === "numeric" ? { type: grader, relative: 0.01 } : { type: grader }], gate: least === "" ? {} : { min_pass_rate: Number(least) / 100 }, budget };
}

const listed = (text) => text.split(",").map((each) => each.trim()).filter(Boolean);

function casesOf(text, kind) {
  return text.split("\n").filter((line) => line.trim()).map((line, n) => {
    const { expected, id, ...given } = parsed(line, "cases", `Line ${n + 1}`);
    const variables = kind === "ask" && given.input !== undefined ? { question: given.input } : given;
    return { id: String(id ?? n + 1), variables, ...(expected !== undefined && { expected: String(expected) }) };
  });
}

// What is not filled in yet need not be whole.
function drafted(terms) {
  try {
    return JSON.stringify(suiteOf(terms), null, 2);
  } catch {
    return JSON.stringify({ ...suiteOf({ ...terms, cases: "" }), cases: [] }, null, 2);
  }
}

function parsed(text, field, where = "This") {
  try {
    const value = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("it is no object.");
    return value;
  } catch (error) {
    throw new ApiError(0, { type: "InvalidInput", message: `${where} is no JSON object: ${error.message}`, field });
  }
}

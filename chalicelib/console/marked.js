// Text with its marks: a range of a page's characters, and tables whose cells are such ranges.

import { useEffect, useMemo, useRef } from "preact/hooks";

import { markedPieces } from "./format.js";
import { html } from "./ui.js";

/** Show the characters `start` to `end` of a page that begins with `first`, with the marks on them. */
export function Marked({ characters, first, start, end, marks, selected, onPick }) {
  const text = characters.slice(start - first, end - first).join("").trimEnd();
  const inside = marks.filter((each) => each.start < end && each.end > start);
  return markedPieces(text, inside, start).map(({ text: piece, range }) => (range
    ? html`<mark class=${`${range.tone ?? ""} ${range.id === selected ? "selected" : ""}`} title=${range.label ?? ""} onClick=${() => onPick?.(range)}>${piece}</mark>`
    : piece));
}

/** Show a page of rows as tables: of a spreadsheet, or of a file with a delimiter. */
export function Tables({ content, marks, selected, onPick }) {
  const box = useRef(null);
  const characters = useMemo(() => Array.from(content.text), [content]);
  const blocks = useMemo(() => blocksOf(content), [content]);
  useEffect(() => {
    const found = box.current?.querySelector(selected === undefined ? "mark" : "mark.selected");
    if (found) box.current.scrollTop += found.getBoundingClientRect().top - box.current.getBoundingClientRect().top - box.current.clientHeight / 3;
  }, [content, marks, selected]);
  const cell = ({ start, end }) => html`<${Marked} characters=${characters} first=${content.start} start=${start} end=${end} marks=${marks} selected=${selected} onPick=${onPick} />`;
  return html`<div class="page-text transcript" ref=${box} tabindex="0" role="region" aria-label=${`Text of page ${content.page}`}>${blocks.map((block) => (block.rows
    ? html`<table key=${block.start}>${block.head && html`<thead><tr>${block.head.map((each) => html`<th scope="col">${cell(each)}</th>`)}</tr></thead>`}
      <tbody>${block.rows.map((row) => html`<tr>${row.map((each) => html`<td>${cell(each)}</td>`)}</tr>`)}</tbody></table>`
    : html`<p key=${block.start}>${cell(block)}</p>`))}
    ${content.end < content.characters && html`<p class="quiet">The page goes on: characters ${content.end} to ${content.characters} are not shown.</p>`}</div>`;
}

/** Return the parts of a text: `{start, rows, head}` of lines such as "| a | b |", and `{start, end}` of others. */
function blocksOf({ text, start }) {
  const blocks = [];
  let at = start;
  for (const line of text.split("\n")) {
    const end = at + Array.from(line).length;
    const last = blocks.at(-1);
    const cells = cellsOf(line, at);
    if (!line.trim()) blocks.push(null);
    else if (!cells) blocks.push({ start: at, end });
    else if (!last?.rows) blocks.push({ start: at, rows: [cells] });
    else if (last.rows.length === 1 && !last.head && cells.every((each) => /^:?-+:?$/.test(each.text))) Object.assign(last, { head: last.rows[0], rows: [] });
    else last.rows.push(cells);
    at = end + 1;
  }
  return blocks.filter(Boolean);
}

function cellsOf(line, at) {
  if (!/^\|.*\|\s*$/.test(line)) return null;
  const cells = [];
  let begun = at + 1;
  for (const [found] of line.slice(1).matchAll(/(?:\\.|[^|\\])*\|/g)) {
    const length = Array.from(found).length;
    const text = found.slice(0, -1);
    const led = Array.from(text).length - Array.from(text.trimStart()).length;
    cells.push({ text: text.trim(), start: begun + led, end: begun + led + Array.from(text.trim()).length });
    begun += length;
  }
  return cells;
}

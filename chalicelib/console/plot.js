// Curves and bars, drawn as SVG, with the values where the pointer is.

import { useEffect, useRef, useState } from "preact/hooks";

import { days, ends, labelled, numbers, powers } from "./ticks.js";
import { html } from "./ui.js";

const HEIGHT = 240;
const TOP = 10;
const RIGHT = 26;
const LETTER = 7.2;
const FEW = 40;
const WIDEST_BAR = 48;
const HALF_A_DAY = 43_200;

/**
 * Draw `series`, each `{label, values, tone, bars}`, over `x`.
 *
 * `x` are seconds since 1970 if `dates`, positions whose names are `names` if there are any, and
 * otherwise numbers of what `axis` says, where a line goes on over values that are missing. `marks` are
 * heights of lines across, `{value, label}`. The y axis has 0 if `zero`, and is one of powers if `log`.
 * The label says what is seen; a table beside it has the numbers.
 */
export function Plot({ label, x, series, dates = false, names = [], axis = "", format = String, marks = [], zero = true, log = false }) {
  const box = useRef(null);
  const [width, setWidth] = useState(640);
  const [at, setAt] = useState(null);
  useEffect(() => {
    const resized = new ResizeObserver(([entry]) => setWidth(Math.max(200, entry.contentRect.width)));
    resized.observe(box.current);
    return () => resized.disconnect();
  }, []);
  const bars = series.some((each) => each.bars);
  const values = [...series.flatMap((each) => each.values), ...marks.map(({ value }) => value)].filter((value) => value !== null);
  const [low, high] = ends(values, zero, log);
  const heights = log ? powers(low, high) : numbers(low, high, 5, values.length > 0 && values.every(Number.isInteger));
  const left = 14 + LETTER * Math.max(3, ...heights.map((value) => format(value).length));
  const [first, last] = across(x, bars, dates);
  const crowded = names.length > 0 && width - left < 90 * names.length;
  const bottom = HEIGHT - (crowded ? 96 : 26);
  const of = log ? Math.log10 : (value) => value;
  const px = (value) => left + ((value - first) / (last - first)) * (width - left - RIGHT);
  const py = (value) => bottom - ((of(value) - of(low)) / (of(high) - of(low))) * (bottom - TOP);
  const places = labelled(names.length ? names.map((title, n) => ({ at: n, title })) : dates ? days(x, (width - left) / 100) : numbers(first, last, (width - left) / 80, true).map((value) => ({ at: value, title: value.toLocaleString() })), first, last);
  const slot = (px(last) - px(first)) / Math.max(1, (last - first) / (dates ? 2 * HALF_A_DAY : 1));
  const moved = (event) => setAt(nearest(x.map(px), event.clientX - box.current.getBoundingClientRect().left));
  return html`<figure class="plot" role="img" aria-label=${label} ref=${box}><svg width=${width} height=${HEIGHT} viewBox=${`0 0 ${width} ${HEIGHT}`} onPointerMove=${moved} onPointerLeave=${() => setAt(null)}>
      ${heights.map((value) => html`<path class="grid" d=${`M${left} ${py(value)}H${width - RIGHT}`} /><text class="tick" x=${left - 6} y=${py(value) + 4} text-anchor="end">${format(value)}</text>`)}
      ${places.map((place) => html`<text class="tick" x=${px(place.at)} y=${bottom + 18} ...${crowded ? { "text-anchor": "end", transform: `rotate(-50 ${px(place.at)} ${bottom + 12})` } : { "text-anchor": "middle" }}>${place.title.slice(0, 24)}</text>`)}
      ${marks.map(({ value }) => html`<path class="mark" d=${`M${left} ${py(value)}H${width - RIGHT}`} />`)}
      ${at !== null && html`<path class="grid" d=${`M${px(x[at])} ${TOP}V${bottom}`} />`}
      ${series.map((each) => (each.bars ? html`<${Bars} x=${x.map(px)} series=${each} size=${Math.min(WIDEST_BAR, 0.7 * slot)} py=${py} base=${py(zero ? 0 : low)} />` : html`<${Line} x=${x.map(px)} series=${each} py=${py} over=${Boolean(axis)} />`))}</svg>
    <figcaption class="legend">${(dates || axis || names.length > 0) && at !== null && html`<span>${names[x[at]] ?? (dates ? new Date(1000 * x[at]).toLocaleDateString() : `${axis} ${x[at].toLocaleString()}`)}</span>`}
      ${series.map((each) => html`<span class=${`key ${each.tone ?? "accent"}`}>${each.label}${at !== null && each.values[at] !== null ? `: ${format(each.values[at])}` : ""}</span>`)}${marks.map((each) => html`<span class="key dashed">${each.label}: ${format(each.value)}</span>`)}</figcaption></figure>`;
}

function Bars({ x, series, size, py, base }) {
  return series.values.map((value, n) => value !== null && html`<rect key=${n} class=${`bar ${series.tone ?? "accent"}`} x=${x[n] - size / 2} y=${Math.min(py(value), base)} width=${size} height=${Math.abs(base - py(value))} />`);
}

function Line({ x, series, py, over }) {
  const there = series.values.flatMap((value, n) => (value === null ? [] : [n]));
  const path = there.map((n, k) => `${k && (over || there[k - 1] === n - 1) ? "L" : "M"}${x[n].toFixed(1)} ${py(series.values[n]).toFixed(1)}`).join("");
  return html`<path class=${`curve ${series.tone ?? "accent"}`} d=${path} />${there.length < FEW && there.map((n) => html`<circle key=${n} class=${`bar ${series.tone ?? "accent"}`} cx=${x[n]} cy=${py(series.values[n])} r="3" />`)}`;
}

// The ends of the x axis: bars need half of their room at both, and a single point some at all.
function across(x, bars, dates) {
  const apart = bars ? (dates ? HALF_A_DAY : 0.6) : x.length < 2 ? (dates ? HALF_A_DAY : 1) : 0;
  return [(x[0] ?? 0) - apart, (x.at(-1) ?? 0) + apart];
}

function nearest(places, here) {
  const distances = places.map((place) => Math.abs(place - here));
  return distances.length ? distances.indexOf(Math.min(...distances)) : null;
}

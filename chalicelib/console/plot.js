// Curves and bars by uPlot, which is loaded when the first is shown.

import { useEffect, useRef, useState } from "preact/hooks";

import { Problem, html } from "./ui.js";

const HEIGHT = 240;
const HALF_A_DAY = 43_200;
const FEW = 40;
const WHOLE = [1, 2, 5].flatMap((step) => Array.from({ length: 8 }, (_, n) => step * 10 ** n)).sort((a, b) => a - b);
let loading = null;

// The package has a small file only for a classic script, which leaves a global.
function library() {
  loading ??= new Promise((resolve, reject) => {
    const sheet = document.createElement("link");
    sheet.rel = "stylesheet";
    sheet.href = new URL("uPlot.min.css", import.meta.url).href;
    const script = document.createElement("script");
    script.src = new URL("uPlot.iife.min.js", import.meta.url).href;
    script.onload = () => resolve(globalThis.uPlot);
    script.onerror = () => {
      loading = null;
      reject(new Error("The library of curves cannot be loaded: load the page again."));
    };
    document.head.append(sheet, script);
  });
  return loading;
}

/**
 * Draw `series`, each `{label, values, tone, bars}`, over `x`.
 *
 * `x` are seconds since 1970 if `dates`, positions whose names are `names` if there are any, and
 * otherwise numbers of what `axis` says. `marks` are heights of lines across, `{value, label}`. The y axis
 * has 0 if `zero`. The label says what is seen; a table beside it has the numbers.
 */
export function Plot({ label, x, series, dates = false, names = [], axis = "", format = String, marks = [], zero = true, log = false }) {
  const box = useRef(null);
  const [error, setError] = useState(null);
  const drawn = JSON.stringify([x, series, marks, names, axis, log]);
  useEffect(() => {
    const element = box.current;
    let plot = null;
    let ended = false;
    const resized = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height: HEIGHT }));
    library().then((UPlot) => {
      if (ended) return;
      plot = new UPlot(optionsOf(UPlot, element, { series, dates, names, axis, format, marks, zero, log }), [x, ...series.map((each) => each.values), ...marks.map(({ value }) => x.map(() => value))], element);
      resized.observe(element);
    }, setError);
    return () => {
      ended = true;
      resized.disconnect();
      plot?.destroy();
    };
  }, [drawn]);
  return html`<figure class="plot" role="img" aria-label=${label}><div ref=${box}></div></figure><${Problem} error=${error} />`;
}

function optionsOf(UPlot, box, { series, dates, names, axis: numbered, format, marks, zero, log }) {
  const styles = getComputedStyle(document.documentElement);
  const tone = (name) => styles.getPropertyValue(`--${name}`).trim();
  const axis = { stroke: tone("quiet"), grid: { stroke: tone("line") }, ticks: { stroke: tone("line") }, font: "12px system-ui" };
  const crowded = box.clientWidth < 90 * names.length;
  const byName = { values: (_, at) => at.map((value) => names[value] ?? ""), splits: () => names.map((_, n) => n), ...(crowded && { rotate: -50, size: 90 }) };
  const apart = series.some((each) => each.bars) ? (dates ? HALF_A_DAY : 0.6) : 0;
  return {
    width: box.clientWidth,
    height: HEIGHT,
    cursor: { y: false },
    scales: { x: { time: dates, range: (_, low, high) => [low - apart, high + apart] }, y: log ? { distr: 3 } : zero ? { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.1 : 1] } : {} },
    axes: [{ ...axis, ...(dates ? {} : numbered ? { incrs: WHOLE } : byName) }, { ...axis, size: (_, labels) => 16 + 7.5 * Math.max(4, ...(labels ?? []).map((each) => each.length)), values: (_, at) => at.map((value) => (value === null ? "" : format(value))) }],
    series: [dates ? { value: "{YYYY}-{MM}-{DD}" } : numbered ? { label: numbered, value: (_, value) => value ?? "–" } : { value: (_, value) => names[value] ?? "" }, ...series.map((each) => ({
      label: each.label,
      stroke: tone(each.tone ?? "accent"),
      fill: each.bars ? tone(each.tone ?? "accent") : undefined,
      width: each.bars ? 0 : 2,
      points: { show: !each.bars && (!numbered || each.values.length < FEW) },
      spanGaps: Boolean(numbered),
      paths: each.bars ? UPlot.paths.bars({ size: [0.7, 48] }) : undefined,
      value: (_, value) => (value === null ? "–" : format(value)),
    })), ...marks.map((each) => ({ label: each.label, stroke: tone("bad"), dash: [6, 4], width: 1, points: { show: false }, value: (_, value) => (value === null ? "–" : format(value)) }))],
  };
}

// Where the axes of a plot begin and end, and what stands at them.

const DAY_S = 86_400;

/** Return the ends of a y axis for `values`: with 0 if `zero`, whole powers of ten if `log`. */
export function ends(values, zero, log) {
  const low = values.length ? Math.min(...values) : 0;
  const high = values.length ? Math.max(...values) : 1;
  if (log) return [10 ** Math.floor(Math.log10(low)), 10 ** Math.ceil(Math.log10(high * 1.0001))];
  if (zero) return [Math.min(0, low), high > 0 ? high * 1.1 : 1];
  const room = (high - low || Math.abs(high) || 1) * 0.05;
  return [low - room, high + room];
}

/** Return some `count` round numbers from `low` to `high`; only whole ones if `whole`. */
export function numbers(low, high, count, whole = false) {
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const round = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough * 0.999);
  const step = whole ? Math.max(1, round) : round;
  const from = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.max(0, Math.floor(high / step + 1e-9) - from + 1) }, (_, n) => Number(((from + n) * step).toPrecision(12)));
}

/** Return the powers of ten from `low` to `high`, which are two of them. */
export function powers(low, high) {
  const from = Math.round(Math.log10(low));
  return Array.from({ length: Math.round(Math.log10(high)) - from + 1 }, (_, n) => 10 ** (from + n));
}

/** Return at most `count` of the moments `x`, with their day, or their time within less than two days. */
export function days(x, count) {
  const span = x.length ? x.at(-1) - x[0] : 0;
  const form = span > 2 * DAY_S || x.every((each) => each % DAY_S === 0) ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit", ...(span < 60 * count && { second: "2-digit" }) };
  const every = Math.max(1, Math.ceil(x.length / Math.max(1, count)));
  return x.filter((_, n) => n % every === 0).map((at) => ({ at, title: new Date(1000 * at).toLocaleString(undefined, form) }));
}

/** Leave out what would stand beyond the ends of the axis. */
export const labelled = (places, first, last) => places.filter(({ at }) => at >= first && at <= last);

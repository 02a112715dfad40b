// The layout of a state machine that is drawn: rows and columns of its steps, and its edges. Pure.

/**
 * Return `{nodes, edges, columns, rows}` of steps `{name, next, on_error, entered}`.
 *
 * A step's row is the longest path from the first step to it, without the edges of loops. Steps
 * that only errors lead to are placed in a column of their own. An edge for errors is returned
 * only if it was taken: most steps have one, and all of them would hide the others.
 */
export function placed(steps, first) {
  const byName = new Map(steps.map((each) => [each.name, each]));
  const back = new Set();
  const order = depthFirst(byName, first, back);
  const rows = new Map();
  for (const name of order) layer(byName, name, back, rows);
  const orphans = steps.filter((each) => !rows.has(each.name));
  const wide = new Map();
  const nodes = steps.filter((each) => rows.has(each.name)).map(({ name }) => {
    const row = rows.get(name);
    const column = wide.get(row) ?? 0;
    wide.set(row, column + 1);
    return { ...byName.get(name), row, column };
  });
  const beside = Math.max(1, ...orphans.map((_, n) => wide.get(n + 1) ?? 0));
  orphans.forEach((each, n) => nodes.push({ ...each, row: n + 1, column: beside }));
  const found = new Map(nodes.map((each) => [each.name, each]));
  return {
    nodes,
    edges: lanes(nodes.flatMap((node) => edgesOf(node, found))),
    columns: Math.max(...nodes.map((each) => each.column)) + 1,
    rows: Math.max(...nodes.map((each) => each.row)) + 1,
  };
}

/** Return the names that are reached, each before those that follow it, and fill `back`. */
function depthFirst(byName, first, back) {
  const done = [];
  const state = new Map();
  const visit = (name) => {
    state.set(name, "open");
    for (const next of byName.get(name)?.next ?? []) {
      if (state.get(next) === "open") back.add(`${name}>${next}`);
      else if (!state.has(next)) visit(next);
    }
    state.set(name, "done");
    done.unshift(name);
  };
  visit(first);
  return done.filter((name) => byName.has(name));
}

function layer(byName, name, back, rows) {
  const row = rows.get(name) ?? 0;
  rows.set(name, row);
  for (const next of byName.get(name).next) {
    if (!back.has(`${name}>${next}`)) rows.set(next, Math.max(rows.get(next) ?? 0, row + 1));
  }
}

function edgesOf(node, found) {
  const caught = node.status === "failed" ? node.on_error.filter((name) => found.get(name)?.entered) : [];
  return [
    ...node.next.map((name) => ({ from: node, to: found.get(name), error: false })),
    ...caught.filter((name) => !node.next.includes(name)).map((name) => ({ from: node, to: found.get(name), error: true })),
  ].filter((edge) => edge.to);
}

// Ways that are not to the next layer run beside the layers, those to one step in one lane; ways that
// were taken come last, for what is drawn last lies above.
function lanes(edges) {
  const targets = new Map();
  const laneOf = ({ from, to }) => {
    if (to.row === from.row + 1) return 0;
    if (!targets.has(to.name)) targets.set(to.name, targets.size + 1);
    return targets.get(to.name);
  };
  return edges
    .map((edge) => ({ ...edge, taken: edge.from.entered > 0 && edge.to.entered > 0, lane: laneOf(edge) }))
    .sort((a, b) => a.taken - b.taken);
}

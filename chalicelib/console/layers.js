// Where the steps of a state machine stand when it is drawn. Pure.

/**
 * Return `{nodes, edges, columns, rows}` of steps `{name, next, on_error, entered}`.
 *
 * A step stands below all that lead to it, by the longest way, ways back apart. Steps that are
 * reached by errors only stand in a column of their own. Of the ways of errors those are edges
 * that were taken, for most steps have one.
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
  const main = Math.max(1, ...wide.values());
  orphans.forEach((each, n) => nodes.push({ ...each, row: n + 1, column: main }));
  const found = new Map(nodes.map((each) => [each.name, each]));
  return {
    nodes,
    edges: lanes(nodes.flatMap((node) => edgesOf(node, found))),
    columns: main + (orphans.length ? 1 : 0),
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

// Ways that are not to the next layer run beside the layers, each in a lane; those taken come last,
// for what is drawn last lies above.
function lanes(edges) {
  const taken = ({ from, to }) => from.entered > 0 && to.entered > 0;
  let lane = 0;
  return edges
    .map((edge) => ({ ...edge, taken: taken(edge), lane: edge.to.row === edge.from.row + 1 ? 0 : (lane += 1) }))
    .sort((a, b) => a.taken - b.taken);
}

// Trainings of the stage: what learns now and what did, newest first.

import { get } from "./api.js";
import { when } from "./format.js";
import { link } from "./route.js";
import { Badge, Loaded, Screen, Table, html, usePages, usePolling } from "./ui.js";

const A_PAGE = 50;
const SOON_MS = 3000;
const LATER_MS = 10_000;

export const isRunning = ({ state }) => state === "running" || state === "stopping";

export default function Trainings() {
  const listed = usePages((cursor, signal) => get("v1/trainings", { limit: A_PAGE, cursor }, { signal }), []);
  usePolling(listed.reload, listed.value?.items.some(isRunning) ? SOON_MS : LATER_MS, !listed.error);
  return html`<${Screen} title="Trainings">
    <${Loaded} of=${listed}>${({ items }) => html`<${Table} caption="Trainings" rows=${items} keyOf=${(each) => each.name}
      empty="No trainings yet." columns=${[
        { title: "Training", kind: "wide", cell: (each) => html`<a href=${link(["training", each.name])}>${each.name}</a>` },
        { title: "State", cell: (each) => html`<${Badge} state=${each.state} />` },
        { title: "Began", cell: (each) => when(each.created_at) },
        { title: "Ended", cell: (each) => when(each.ended_at) },
      ]} /><p class="quiet"><code>headrace train RECIPE</code> begins one, on a stage that was deployed with <code>Training=on</code>.</p>`}<//>
    ${listed.pager}
  <//>`;
}

// The address of a screen: what stands behind "#/", such as documents/doc_1?page=3.

import { useEffect, useState } from "preact/hooks";

/** Return the parts of the path and the parameters of an address. */
function parseRoute(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  return { parts, query: Object.fromEntries(new URLSearchParams(query)) };
}

/** Return the address of a screen; parameters without a value are left out. */
export function link(parts, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(given).toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${search ? `?${search}` : ""}`;
}

/** Go to a screen; `replace` leaves no step back. */
export function go(parts, query, replace = false) {
  const address = link(parts, query);
  if (!replace) {
    location.hash = address;
    return;
  }
  history.replaceState(null, "", address);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

export function useRoute() {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const changed = () => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", changed);
    changed(); // The address may have changed since the first drawing.
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}

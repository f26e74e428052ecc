// Connections, the latest first.

import { get } from "../api.js";
import { h, put, settled } from "../dom.js";
import { number } from "../format.js";
import { toSession } from "../parts.js";
import { blank, pager, table } from "../table.js";
import { sessionColumns } from "./attacker.js";

export async function show(root, { signal, live, setTitle }) {
  const source = h("input", { type: "search", placeholder: "Source address", "aria-label": "Source address", maxlength: "64" });
  const decky = h("input", { type: "search", placeholder: "Decky", "aria-label": "Decky", maxlength: "63" });
  const service = h("select", { "aria-label": "Service" },
    h("option", { value: "" }, "Any service"),
    ["ftp", "http", "redis", "ssh", "tcp", "telnet", "udp"].map((name) => h("option", { value: name }, name)));
  const problem = h("p.problem", { role: "alert" });
  const list = table(sessionColumns(true), {
    caption: "Sessions",
    link: ({ id }) => toSession(id),
    empty: blank("No sessions to show.", "Each connection to a service of a decky becomes one."),
  });
  const more = pager((cursor) => load(cursor));
  put(root, h("form.filters", { role: "search", onsubmit: (event) => event.preventDefault() }, source, decky, service), problem, list.view, more.view);

  async function load(cursor) {
    const query = { source: source.value.trim(), decky: decky.value.trim(), service: service.value, limit: 100, cursor };
    const page = await get("sessions", query, signal);
    if (cursor) list.append(page.sessions);
    else list.show(page.sessions);
    more.at(page.next);
  }
  async function again() {
    put(problem);
    try {
      await load(null);
    } catch (error) {
      if (!signal.aborted) put(problem, error.message);
    }
  }
  for (const input of [source, decky]) input.addEventListener("input", settled(again));
  service.addEventListener("change", again);
  const count = ({ sessions }) => setTitle(["Sessions ", h("small", number(sessions))]);
  live.on("stats", count, signal);
  if (live.last.stats) count(live.last.stats);
  await load(null);
}

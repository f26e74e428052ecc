// Everybody who touched a decky.

import { get } from "../api.js";
import { h, put, settled } from "../dom.js";
import { number, when } from "../format.js";
import { keepTimes, since, toAttacker } from "../parts.js";
import { blank, pager, table } from "../table.js";

export async function show(root, { signal, live, setTitle }) {
  const search = h("input", { type: "search", placeholder: "Address or MAC begins with", "aria-label": "Address or MAC begins with", maxlength: "64" });
  const sort = h("select", { "aria-label": "Order" },
    h("option", { value: "last" }, "Last seen first"),
    h("option", { value: "events" }, "Most events first"));
  const list = table(
    [
      { name: "Address", kind: "mono", cell: ({ ip }) => ip },
      { name: "Last seen", cell: ({ last }) => since(last) },
      { name: "First seen", kind: "num", cell: ({ first }) => when(first) },
      { name: "Deckies", kind: "num", cell: ({ deckies }) => number(deckies) },
      { name: "Sessions", kind: "num", cell: ({ sessions }) => number(sessions) },
      { name: "Logins", kind: "num", cell: ({ logins }) => number(logins) },
      { name: "Events", kind: "num", cell: ({ events }) => number(events) },
      { name: "MAC", kind: "mono", cell: ({ mac }) => mac ?? "–" },
    ],
    {
      caption: "Attackers",
      link: ({ ip }) => toAttacker(ip),
      empty: blank("Nobody to show.", "Whoever sends a packet to a decky appears here."),
    },
  );
  const more = pager((cursor) => load(cursor));
  put(root, h("form.filters", { role: "search", onsubmit: (event) => event.preventDefault() }, search, sort), list.view, more.view);
  keepTimes(root, signal);

  async function load(cursor) {
    const query = { sort: sort.value, search: search.value.trim().toLowerCase(), limit: 100, cursor };
    const page = await get("attackers", query, signal);
    if (cursor) list.append(page.attackers);
    else list.show(page.attackers);
    more.at(page.next);
  }
  const again = () => load(null).catch(() => {});
  search.addEventListener("input", settled(again));
  sort.addEventListener("change", again);
  const count = ({ sources }) => setTitle(["Attackers ", h("small", number(sources))]);
  live.on("stats", count, signal);
  if (live.last.stats) count(live.last.stats);
  await load(null);
}

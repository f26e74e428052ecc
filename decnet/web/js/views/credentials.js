// The logins that were tried, over all deckies.

import { get } from "../api.js";
import { h, put, settled } from "../dom.js";
import { keepTimes } from "../parts.js";
import { blank, pager, table } from "../table.js";
import { credentialColumns } from "./attacker.js";

export async function show(root, { signal }) {
  const search = h("input", { type: "search", placeholder: "User or password has", "aria-label": "User or password has", maxlength: "200" });
  const sort = h("select", { "aria-label": "Order" },
    h("option", { value: "last" }, "Last tried first"),
    h("option", { value: "tries" }, "Most tried first"));
  const list = table(credentialColumns(true), {
    caption: "Credentials",
    empty: blank("No login was tried.", "What is typed at ssh, ftp, telnet and http logins is collected here."),
  });
  const more = pager((cursor) => load(cursor));
  put(root, h("form.filters", { role: "search", onsubmit: (event) => event.preventDefault() }, search, sort), list.view, more.view);
  keepTimes(root, signal);

  async function load(cursor) {
    const page = await get("credentials", { sort: sort.value, search: search.value, limit: 100, cursor }, signal);
    if (cursor) list.append(page.credentials);
    else list.show(page.credentials);
    more.at(page.next);
  }
  const again = () => load(null).catch(() => {});
  search.addEventListener("input", settled(again));
  sort.addEventListener("change", again);
  await load(null);
}

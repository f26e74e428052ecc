// What the capture counted, and whether it all adds up.

import { get } from "../api.js";
import { h, put } from "../dom.js";
import { number } from "../format.js";
import { panel } from "../parts.js";
import { blank } from "../table.js";
import { balance } from "./overview.js";

export async function show(root, { live, signal }) {
  const draw = (counters) => put(root, view(counters));
  live.on("status", ({ capture }) => draw(capture), signal);
  draw(await get("capture", {}, signal));
}

function view(counters) {
  const share = (value) => (counters.seen ? `${((100 * value) / counters.seen).toFixed(2)} %` : "–");
  const row = (name, value, text) =>
    h("tr", h("th", { scope: "row" }, name), h("td.num", number(value)), h("td.num", share(value)), h("td.dim.wide", text));
  const behind = counters.submitted - counters.read;
  return [
    panel("Packets to deckies", {}, h("div.balance-box", balance(counters))),
    panel("Counters", {}, h("div.table.plain", h("table",
      h("caption.unseen", "Counters of the capture"),
      h("thead", h("tr", h("th", { scope: "col" }, "Counter"), h("th.num", { scope: "col" }, "Packets"), h("th.num", { scope: "col" }, "Of seen"), h("th.wide", { scope: "col" }, "What it means"))),
      h("tbody",
        row("seen", counters.seen, "addressed to a decky"),
        row("aggregated", counters.aggregated, "counted with others of their kind"),
        row("submitted", counters.submitted, "sent to the reader one by one"),
        row("read", counters.read, behind > 0 ? `${number(behind)} are on their way` : "the reader has caught up"),
        row("dropped", counters.dropped, "lost on the way, by reason below"),
        row("guarded", counters.guarded, "sent by a decky that may only answer, and held back"),
      )))),
    panel("Drops by reason", {}, drops(counters)),
    counters.copies?.seen ? panel("Captures on request", {}, copies(counters.copies)) : null,
  ];
}

function drops({ drops: reasons, dropped }) {
  const rows = Object.entries(reasons).sort(([, a], [, b]) => b - a);
  if (!dropped) return h("div.empty", blank("Nothing was dropped."));
  return h("ul.meters", rows.map(([reason, count]) => {
    const bar = h("span.fill");
    bar.style.setProperty("--part", `${(100 * count) / dropped}%`);
    return h("li", h("span", reason.replaceAll("_", " ").slice(0, 60)), h("span.meter", bar), h("b", number(count)));
  }));
}

function copies({ seen, submitted, drops: reasons }) {
  const dropped = Object.values(reasons ?? {}).reduce((sum, count) => sum + count, 0);
  return h("p", `${number(seen)} frames of deckies under capture: ${number(submitted)} written, ${number(dropped)} dropped.`);
}

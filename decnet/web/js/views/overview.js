// What is going on, at a glance.

import { get } from "../api.js";
import { chart } from "../chart.js";
import { h, put } from "../dom.js";
import { feed } from "../feed.js";
import { ago, number, plural } from "../format.js";
import { attackerLink, keepTimes, panel, since, state, tile } from "../parts.js";
import { blank } from "../table.js";

const REFRESH = 10_000;

export async function show(root, { live, signal }) {
  const tiles = {
    events: tile("Events", { lead: "#/events" }),
    sources: tile("Attackers", { lead: "#/attackers" }),
    sessions: tile("Sessions", { lead: "#/sessions" }),
    logins: tile("Logins tried", { lead: "#/credentials" }),
    deckies: tile("Deckies up", { lead: "#/deckies" }),
  };
  const bars = chart();
  const stream = feed({ live, signal });
  put(stream.nothing, blank(
    "Nobody has come yet.",
    "Touch a decky from another machine, for example with ping or ssh, and it shows here at once.",
  ));
  const capture = h("div.balance-box");
  const latest = h("ul.short");
  const fleet = h("ul.short");
  put(root,
    h("div.tiles", Object.values(tiles).map(({ view }) => view)),
    panel("Events a minute, last hour", {}, bars.view),
    h("div.columns",
      panel("Live", { more: h("div.controls", stream.controls) }, stream.view),
      h("div.stack",
        panel("Latest attackers", { more: h("a", { href: "#/attackers" }, "All") }, latest),
        panel("Deckies", { more: h("a", { href: "#/deckies" }, "All") }, fleet),
        panel("Capture", { more: h("a", { href: "#/capture" }, "Details") }, capture),
      ),
    ),
  );
  keepTimes(root, signal);

  let hour = {};
  const stats = (data) => showStats(tiles, data, hour);
  const status = (data) => put(capture, balance(data.capture));
  live.on("stats", stats, signal);
  live.on("status", status, signal);
  if (live.last.stats) stats(live.last.stats);
  if (live.last.status) status(live.last.status);

  const refresh = async () => {
    const [histogram, attackers, deckies] = await Promise.all([
      get("events/histogram", {}, signal),
      get("attackers", { limit: 6 }, signal),
      get("deckies", {}, signal),
    ]);
    bars.show(histogram.buckets);
    hour = counted(histogram.buckets);
    if (live.last.stats) stats(live.last.stats);
    put(latest, attackers.attackers.map(attacker), attackers.attackers.length ? null : none("Nobody yet."));
    const sorted = deckies.deckies.toSorted((a, b) => (b.last ?? "").localeCompare(a.last ?? ""));
    put(fleet, sorted.slice(0, 8).map(decky), sorted.length ? null : none("None: `decnet deploy` makes some."));
  };
  const timer = setInterval(() => refresh().catch(() => {}), REFRESH);
  signal.addEventListener("abort", () => clearInterval(timer));


  const [events] = await Promise.all([get("events", { limit: 60 }, signal), refresh()]);
  stream.begin(events.events);
}

// Events of the last hour by kind.
function counted(buckets) {
  const sums = {};
  for (const { kinds } of buckets) {
    for (const [kind, events] of Object.entries(kinds)) sums[kind] = (sums[kind] ?? 0) + events;
  }
  return sums;
}

function showStats(tiles, data, hour) {
  const lately = (kind) => (hour[kind] ? `${number(hour[kind])} in the last hour` : "none in the last hour");
  tiles.events.set(data.events, data.last_event ? `latest ${ago(data.last_event)}` : "none yet");
  tiles.sources.set(data.sources, hour["source.new"] ? `${number(hour["source.new"])} new in the last hour` : "");
  tiles.sessions.set(data.sessions, lately("conn.open"));
  tiles.logins.set(data.logins, lately("auth.attempt"));
  const rest = data.deckies - data.deckies_up;
  tiles.deckies.set(
    [number(data.deckies_up), h("span.of", ` of ${number(data.deckies)}`)],
    rest ? `${number(rest)} not up` : "",
  );
}

const none = (text) => h("li.dim", text);

function attacker(row) {
  const did = row.logins ? plural(row.logins, "login") : plural(row.events, "event");
  return h("li", attackerLink(row.ip), h("span.dim", did), since(row.last));
}

function decky({ decky, last }) {
  const name = h("a", { href: `#/events?decky=${decky.name}` }, decky.name);
  return h("li", name, state(decky.state), since(last));
}

// The equation that tells whether a packet was lost without a trace.
export function balance(counters) {
  const part = (value, name) => h("span.part", h("b", number(value)), h("small", name));
  const sign = (text) => h("span.sign", text);
  return h(
    "div.balance",
    sign(""), part(counters.seen, "seen"),
    sign("="), part(counters.aggregated, "aggregated"),
    sign("+"), part(counters.submitted, "submitted"),
    sign("+"), part(counters.dropped, "dropped"),
    counters.exact
      ? h("span.verdict.good", "every packet accounted for")
      : h("span.verdict.bad", "does not add up"),
  );
}

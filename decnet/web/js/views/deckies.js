// The deckies: who they pretend to be, how they are, and when somebody last touched them.

import { get } from "../api.js";
import { h, put } from "../dom.js";
import { number } from "../format.js";
import { keepTimes, since, state, toEvents } from "../parts.js";
import { blank, table } from "../table.js";
import { foreign } from "../text.js";

const REFRESH = 5_000;

export async function show(root, { live, signal, setTitle }) {
  const list = table(
    [
      { name: "Name", cell: ({ decky }) => [h("span.whole", decky.name), h("div.below", decky.hostname)] },
      { name: "State", cell: ({ decky }) => [state(decky.state), decky.error ? h("p.problem", foreign(decky.error, 200)) : null] },
      { name: "Address", kind: "mono", cell: ({ decky }) => [decky.ip, decky.ip6 ? h("div", decky.ip6) : null, h("div.below", decky.mac)] },
      { name: "Persona", cell: ({ decky }) => h("span.whole", decky.persona) },
      { name: "Services", cell: ({ decky }) => h("span.chips", decky.services.map((name) => h("span.chip", name))) },
      { name: "Attackers", kind: "num", cell: ({ sources }) => number(sources) },
      { name: "Events", kind: "num", cell: ({ events }) => number(events) },
      { name: "Last touched", kind: "num", cell: ({ last }) => since(last) },
    ],
    {
      caption: "Deckies",
      link: ({ decky }) => toEvents({ decky: decky.name }),
      empty: blank("There are no deckies.", "Start some with `decnet up`, or `decnet deploy` with a file that names them."),
    },
  );
  put(root, list.view);
  keepTimes(root, signal);
  const refresh = async () => {
    const { deckies } = await get("deckies", {}, signal);
    list.show(deckies);
    const up = deckies.filter(({ decky }) => decky.state === "up").length;
    setTitle(["Deckies ", h("small", `${number(up)} of ${number(deckies.length)} up`)]);
  };
  const timer = setInterval(() => refresh().catch(() => {}), REFRESH);
  signal.addEventListener("abort", () => clearInterval(timer));
  live.on("status", () => refresh().catch(() => {}), signal);
  await refresh();
}

// Events over time: stacked bars in SVG, and the same as words for whoever cannot see them.

import { h, put, svg } from "./dom.js";
import { number, when } from "./format.js";
import { GROUPS, groupOf } from "./describe.js";

const HEIGHT = 100;
const WIDTH = 720;
// From the bottom up: what people do stands on the ground.
const STACK = ["act", "conn", "scan", "other"];
const nameOf = (id) => GROUPS.find((group) => group.id === id)?.name ?? "Other";
const stackOf = (kind) => (STACK.includes(groupOf(kind)) ? groupOf(kind) : "other");

// buckets: as /events/histogram has them.
export function chart() {
  const bars = svg("svg.bars", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    role: "img",
  });
  const scale = h("div.scale", { "aria-hidden": "true" });
  const axis = h("div.axis", { "aria-hidden": "true" });
  const reading = h("output.reading");
  const legend = h(
    "ul.legend",
    STACK.map((id) => h(`li.${id}`, nameOf(id))),
  );
  const view = h("figure.chart", h("div.plot", scale, bars), axis, h("figcaption", legend, reading));

  function show(buckets) {
    const sums = buckets.map((bucket) => sum(bucket.kinds));
    const top = Math.max(1, ...buckets.map((bucket) => bucket.events));
    const step = WIDTH / Math.max(1, buckets.length);
    put(bars, buckets.map((bucket, index) => column(bucket, sums[index], index * step, step, top)));
    const total = buckets.reduce((all, bucket) => all + bucket.events, 0);
    bars.setAttribute("aria-label", `${number(total)} events, at most ${number(top)} a minute`);
    put(scale, h("span", number(top)), h("span", "0"));
    const marks = [0, 0.5, 1].map((part) => buckets[Math.round(part * (buckets.length - 1))]);
    put(axis, marks.map((bucket) => h("span", bucket ? when(bucket.ts).slice(0, -3) : "")));
  }

  function column(bucket, parts, x, step, top) {
    let y = HEIGHT;
    const pieces = STACK.filter((id) => parts[id]).map((id) => {
      const height = (parts[id] / top) * (HEIGHT - 4);
      y -= height;
      return svg(`rect.${id}`, { x: x + step * 0.1, y, width: step * 0.8, height });
    });
    const say = () => {
      const words = STACK.filter((id) => parts[id]).map(
        (id) => `${number(parts[id])} ${nameOf(id).toLowerCase()}`,
      );
      put(reading, h("b", when(bucket.ts).slice(0, -3)), " ", words.join(", ") || "nothing");
    };
    const area = svg("rect.area", { x, y: 0, width: step, height: HEIGHT });
    return svg("g", { onpointerenter: say, onpointerleave: () => put(reading) }, area, pieces);
  }
  return { view, show };
}

function sum(kinds) {
  const sums = {};
  for (const [kind, events] of Object.entries(kinds)) {
    const id = stackOf(kind);
    sums[id] = (sums[id] ?? 0) + events;
  }
  return sums;
}

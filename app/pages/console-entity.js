// One person or item: how well it is known, and what is recommended because of what.
import { call } from "./console-api.js";
import { element, part } from "./dom.js";
import { say } from "./say.js";

export async function find() {
  const [kind, id] = [part("kind").value, encodeURIComponent(part("entity").value)];
  part("found").replaceChildren();
  if (kind === "item") showItem(await call("GET", `/console/items/${id}`));
  else showPerson(await call("GET", `/console/people/${kind}/${id}`));
  return say("done");
}

function facts(pairs) {
  const lines = pairs.map(([name, value]) =>
    element("div", {}, element("dt", {}, say(`entity.${name}`)), element("dd", { id: `entity-${name}` }, String(value))),
  );
  return element("dl", { class: "facts" }, lines);
}

function showPerson({ mode, support, steps, gate, distance, weights_version, items, degraded }) {
  const known = facts([
    ["mode", mode],
    ["support", support],
    ["steps", steps],
    ["gate", gate.blend.toFixed(2)],
    ["distance", `${Math.round(distance * 100)} %`],
    ["version", weights_version],
  ]);
  const heads = ["title", "score", "why"].map((name) => element("th", { scope: "col" }, say(`entity.${name}`)));
  const rows = items.map(({ title, score, reasons }) => {
    const because = reasons.map((one) => say("entity.because", { ...one, contribution: one.contribution.toFixed(3) }));
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, title),
      element("td", { class: "number" }, score.toFixed(3)),
      element("td", {}, because.join(", ") || say("entity.nothing")),
    );
  });
  const table = element("table", {}, element("thead", {}, element("tr", {}, heads)), element("tbody", {}, rows));
  const warning = degraded ? element("p", { class: "failed" }, say("entity.degraded", { degraded })) : null;
  part("found").replaceChildren(...[warning, known, element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": say("entity.title") }, table)].filter(Boolean));
}

function showItem({ warmth, properties }) {
  const known = facts([
    ["row", warmth.row],
    ["events", warmth.events],
    ["shown", say(warmth.shown ? "entity.yes" : "entity.no")],
    ["version", warmth.weights_version],
  ]);
  const rows = Object.entries(properties).map(([name, value]) =>
    element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, typeof value === "string" ? value : JSON.stringify(value))),
  );
  part("found").replaceChildren(known, element("table", {}, element("tbody", {}, rows)));
}

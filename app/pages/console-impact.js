// What lists are worth: click rates with intervals, by how the lists came about.
import { call } from "./console-api.js";
import { drawing, element, part } from "./dom.js";
import { say } from "./say.js";

const percent = (share) => (share * 100).toFixed(1);

export async function showImpact() {
  let found;
  try {
    found = await call("GET", `/v1/admin/impact?days=${part("days").value}`);
  } catch (error) {
    if (error.status !== 404) throw error;
    part("impact").replaceChildren(element("p", { class: "hint" }, say("impact.absent")));
    return;
  }
  const groups = ["by_mode", "by_arm", "by_support"].filter((name) => Object.keys(found[name] ?? {}).length);
  const tallies = groups.flatMap((name) => Object.values(found[name]));
  const most = Math.max(0.01, ...tallies.map((one) => one.click_rate?.high ?? 0));
  part("impact").replaceChildren(
    ...(groups.length ? [] : [element("p", { class: "hint" }, say("impact.none"))]),
    ...groups.map((name) => group(name, found[name], most)),
  );
}

function group(name, tallies, most) {
  const rows = Object.entries(tallies).map(([label, one]) => {
    const { click_rate: rate, impressions, clicks } = one;
    const told = rate ? say("impact.value", { value: percent(rate.value), low: percent(rate.low), high: percent(rate.high) }) : "";
    return element(
      "tr",
      { "data-name": label },
      element("th", { scope: "row" }, label),
      element("td", {}, rate && interval(rate, most)),
      element("td", { class: "number" }, told),
      element("td", { class: "hint" }, say("impact.shown", { impressions, clicks })),
    );
  });
  return element("table", { class: "impact" }, element("caption", {}, say(`impact.${name}`)), element("tbody", {}, rows));
}

function interval({ value, low, high }, most) {
  const x = (share) => 4 + (share / most) * 192;
  return drawing(
    "svg",
    { class: "interval", viewBox: "0 0 200 16", "aria-hidden": "true" },
    drawing("line", { class: "axis", x1: 4, x2: 196, y1: 8, y2: 8 }),
    drawing("line", { class: "range", x1: x(low), x2: x(high), y1: 8, y2: 8 }),
    drawing("circle", { class: "value", cx: x(value), cy: 8, r: 5 }),
  );
}

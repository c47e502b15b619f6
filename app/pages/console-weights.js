// Meta-weights: which there are, how good they are by k, and swapping them.
import { call } from "./console-api.js";
import { followed } from "./console-progress.js";
import { button, element, part } from "./dom.js";
import { say } from "./say.js";
import { attempt } from "./status.js";

const MEASURE = "ndcg@10";
const ACTIONS = ["try", "reload", "rollback"];
const whole = (number) => Number(number).toLocaleString("en");

export async function showVersions() {
  const { active, previous, versions } = await call("GET", "/v1/admin/weights");
  const ks = [...new Set(versions.flatMap(({ metrics }) => Object.keys(metrics)))].sort((a, b) => a - b);
  const names = ["version", "made", "data"].map((name) => say(`weights.${name}`));
  const heads = [...names, ...ks.map((k) => say("weights.k", { k })), say("weights.action")];
  const best = ks.map((k) => Math.max(...versions.map(({ metrics }) => metrics[k]?.[MEASURE] ?? 0)));
  const rows = versions.map((one) => {
    const role = { [active]: "active", [previous]: "previous" }[one.version];
    const badge = role ? element("span", { class: `badge ${role}` }, say(`weights.${role}`)) : null;
    const numbers = ks.map((k, index) => {
      const value = one.metrics[k]?.[MEASURE];
      const shown = value === undefined ? say("weights.none") : value.toFixed(3);
      return element("td", { class: value !== undefined && value === best[index] ? "number best" : "number" }, shown);
    });
    const label = say("weights.serve.label", one);
    const serve = () => attempt(() => act("reload", { version: one.version }));
    return element(
      "tr",
      { "data-version": one.version },
      element("th", { scope: "row" }, element("code", {}, one.version), badge),
      element("td", {}, one.created_at.slice(0, 16).replace("T", " ")),
      element("td", {}, say("weights.people", { users: whole(one.data.users ?? 0), items: whole(one.items) })),
      numbers,
      element(
        "td",
        {},
        role === "active" ? null : button({ "aria-label": label }, serve, say("weights.serve")),
      ),
    );
  });
  const head = element("thead", {}, element("tr", {}, heads.map((text) => element("th", { scope: "col" }, text))));
  part("versions").replaceChildren(head, element("tbody", {}, rows));
  part("rollback").disabled = !previous || previous === active;
}

// Reload or roll back; shows each stage, then what was checked and how many replicas followed.
export async function act(what, body = null) {
  const outcome = part("outcome");
  outcome.hidden = false;
  const [progress, facts] = [element("div"), element("div")];
  outcome.replaceChildren(progress, facts);
  for (const name of ACTIONS) part(name).disabled = true;
  try {
    const done = await followed(progress, `/v1/admin/weights/${what}`, body);
    facts.replaceChildren(...told(done, body?.dry_run).map((text) => element("p", {}, text)));
    await showVersions();
  } catch (error) {
    facts.replaceChildren(element("p", { class: "failed" }, say("failed", { detail: error.message })));
    await showVersions();
    throw error;
  } finally {
    for (const name of ["try", "reload"]) part(name).disabled = false;
  }
  return say("done");
}

function told({ version, previous, checks, replicas, shadow, took_ms }, tried) {
  const ms = whole(took_ms.toFixed(0));
  const first = say(tried ? "weights.tried" : "weights.done", { version, previous: previous ?? say("weights.none"), ms });
  const lines = [first, say("weights.checks", { checks: checks.join(", ") })];
  if (!tried) {
    const ready = replicas.filter((one) => one.version === version).length;
    lines.push(say("weights.replicas", { version, ready, all: replicas.length }));
  }
  if (shadow) {
    const [changed, mean] = [shadow.first_changed, shadow.mean_distance].map((share) => (share * 100).toFixed(1));
    lines.push(say("weights.shadow", { people: shadow.people, first: changed, mean }));
  }
  return lines;
}

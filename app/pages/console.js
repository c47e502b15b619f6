// The console: asks for an admin key, then shows and does what an operator needs. No time series:
// they belong to the dashboard.
import { call, enterWith, isInside, leave } from "./console-api.js";
import { find } from "./console-entity.js";
import { showImpact } from "./console-impact.js";
import { TEXTS } from "./console-texts.js";
import { act, showVersions } from "./console-weights.js";
import { element, part } from "./dom.js";
import { fillTexts, learn, say } from "./say.js";
import { attempt } from "./status.js";

const HEALTH_MS = 5000;

async function showHealth() {
  const { parts } = await call("GET", "/readyz", null, { problems: true });
  const lines = Object.entries(parts).map(([name, wrong]) =>
    element(
      "li",
      { class: wrong ? "bad" : "good" },
      element("b", {}, say(`health.${name}`)),
      element("span", {}, wrong ?? say("health.good")),
    ),
  );
  part("health").replaceChildren(...lines);
}

async function open() {
  part("enter").hidden = isInside();
  part("inside").hidden = part("leave").hidden = !isInside();
  if (!isInside()) return part("key").focus();
  await Promise.all([showHealth(), showVersions(), showImpact()]);
  return say("done");
}

async function enter(event) {
  event.preventDefault();
  await attempt(async () => {
    await enterWith(part("key").value.trim());
    part("key").value = "";
    return open();
  });
}

learn(TEXTS);
fillTexts();
part("enter").addEventListener("submit", enter);
part("leave").addEventListener("click", () => {
  leave();
  location.reload();
});
part("days").addEventListener("change", () => attempt(showImpact));
part("try").addEventListener("click", () => attempt(() => act("reload", { dry_run: true })));
part("reload").addEventListener("click", () => attempt(() => act("reload", {})));
part("rollback").addEventListener("click", () => attempt(() => act("rollback")));
part("find").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(find);
});
setInterval(() => {
  if (isInside() && !document.hidden) attempt(showHealth);
}, HEALTH_MS);
attempt(open);

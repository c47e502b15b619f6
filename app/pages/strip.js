// The strip: how the list on screen was made.
import { element, part } from "./dom.js";
import { count, say } from "./say.js";

const inMilliseconds = (value) => (value === null || value === undefined ? say("unknown") : say("milliseconds", { value }));

export function showFacts({ personalization, milliseconds, screen }) {
  const facts = [
    ["mode", say(`mode.${personalization.mode}`)],
    ["support", count("things", personalization.support)],
    ["steps", String(personalization.steps)],
    ["duration", inMilliseconds(milliseconds)],
    ["screen", inMilliseconds(screen)],
    ["version", personalization.weights_version],
  ];
  document.body.dataset.mode = personalization.mode;
  part("facts").replaceChildren(
    ...facts.map(([name, value]) =>
      element("div", { class: name }, element("dt", {}, say(name)), element("dd", { id: `fact-${name}` }, value)),
    ),
  );
}

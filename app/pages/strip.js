// The strip: how the list on screen was made.
import { element, part } from "./dom.js";
import { count, say } from "./say.js";

const NOTHING = { mode: null, support: null, steps: null, duration: null, screen: null, version: null };

const inMilliseconds = (value) => (value === null || value === undefined ? null : say("milliseconds", { value }));

// answer: the list's, or null before there is one: nothing may jump when it comes.
export function showFacts(answer) {
  if (answer) document.body.dataset.mode = answer.personalization.mode;
  const facts = Object.entries(answer ? told(answer) : NOTHING);
  part("facts").replaceChildren(
    ...facts.map(([name, value]) =>
      element("div", { class: name }, element("dt", {}, say(name)), element("dd", { id: `fact-${name}` }, value ?? say("unknown"))),
    ),
  );
}

function told({ personalization, milliseconds, screen }) {
  return {
    mode: say(`mode.${personalization.mode}`),
    support: count("things", personalization.support),
    steps: String(personalization.steps),
    duration: inMilliseconds(milliseconds),
    screen: inMilliseconds(screen),
    version: personalization.weights_version,
  };
}

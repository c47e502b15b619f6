// One line that says what goes on, read out by screen readers. `attempt` is around whatever may fail.
import { part } from "./dom.js";
import { say } from "./say.js";

const SHOWN_MS = 3000;
let running = 0;

let hiding;

export function tell(text) {
  const status = part("status");
  status.textContent = text;
  status.classList.remove("past");
  clearTimeout(hiding);
  hiding = setTimeout(() => status.classList.add("past"), SHOWN_MS);
}

// Runs `action`; it may return the text to show once it is done.
export async function attempt(action) {
  const status = part("status");
  running += 1;
  document.body.dataset.state = "busy";
  try {
    const said = await action();
    status.classList.remove("failed");
    if (typeof said === "string") tell(said);
  } catch (error) {
    tell(say("failed", { detail: error.message }));
    status.classList.add("failed");
  } finally {
    running -= 1;
    if (!running) document.body.dataset.state = "ready";
  }
}

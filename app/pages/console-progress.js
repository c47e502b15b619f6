// A reload while it happens: its stages, and which replicas serve the version already.
import { call } from "./console-api.js";
import { element } from "./dom.js";
import { randomId } from "./random-id.js";
import { say } from "./say.js";

const ASK_MS = 100;
const STAGES = ["verifying", "comparing", "swapping", "agreeing"];
const TRIED = STAGES.slice(0, 2);

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Writes a text only where it is another one, so that screen readers hear what is new and no more.
function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

// A list of the stages; `show` takes what the service says, or null before it says anything.
function stages(names) {
  const boxes = names.map((name) => {
    const state = element("span", { class: "state" });
    const box = element("li", { "data-stage": name }, element("b", {}, say(`stage.${name}`)), state);
    return { name, box, state };
  });
  let reached = 0;

  function show(told, ended = null) {
    reached = Math.max(reached, names.indexOf(told?.stage));
    const [version, replicas] = [told?.version, told?.replicas ?? []];
    boxes.forEach(({ name, box, state }, index) => {
      const now = ended === "failed" ? "failed" : "now";
      box.className = ended === "done" || index < reached ? "done" : index === reached ? now : "waiting";
      if (box.className === "now") box.setAttribute("aria-current", "step");
      else box.removeAttribute("aria-current");
      const ready = replicas.filter((one) => one.version === version).length;
      const counted = name === "agreeing" && replicas.length > 0 && (index === reached || ended === "done");
      write(state, counted ? say("stage.ready", { ready, all: replicas.length }) : say(`stage.is.${box.className}`));
    });
  }

  show(null);
  return { list: element("ol", { class: "stages" }, boxes.map(({ box }) => box)), show };
}

function showReplicas(list, { version, replicas }) {
  for (const { id, version: served } of replicas) {
    const ready = served === version;
    const known = [...list.children].find((one) => one.dataset.replica === id);
    const line = known ?? element("li", { "data-replica": id }, element("code", {}, id), element("span"));
    if (!known) list.append(line);
    line.className = ready ? "done" : "waiting";
    write(line.lastChild, ready ? say("replica.ready") : say("replica.waiting", { version: served ?? say("weights.none") }));
  }
}

// Sends a reload or rollback and shows in `place` how far it has come. Returns the service's answer.
export async function followed(place, path, body) {
  const id = randomId();
  const where = `/v1/admin/weights/reload/${id}`;
  const { list, show } = stages(body?.dry_run ? TRIED : STAGES);
  const replicas = element("ul", { class: "replicas" });
  place.replaceChildren(list, replicas);
  let ended = null;

  async function ask() {
    const told = await call("GET", where).catch(() => null); // not begun, or not to be asked just now
    show(told, ended);
    if (told?.version && !body?.dry_run && ended !== "failed") showReplicas(replicas, told);
    return told;
  }

  async function watch() {
    while (!ended) {
      await pause(ASK_MS);
      await ask();
    }
  }

  const watching = watch();
  try {
    const answer = await call("POST", path, body, { id });
    ended = "done";
    return answer;
  } catch (error) {
    ended = "failed";
    throw error;
  } finally {
    await watching;
    const begun = await ask();
    if (!begun && ended === "failed") place.replaceChildren();
  }
}

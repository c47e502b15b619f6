// Scene 2: something new. Made up here, placed by its properties, lifted by its first likes.
import { shop } from "./api.js";
import { cover } from "./covers.js";
import { button, drawing, element, part, reveal } from "./dom.js";
import { MOTIFS } from "./motifs.js";
import { randomId } from "./random-id.js";
import { described, movement, Rows } from "./rows.js";
import { say } from "./say.js";
import { attempt, tell } from "./status.js";

const [SHOWN, DEEPEST, LIKED, PEOPLE, CROWD] = [10, 500, 3, 6, 3];
const COUNTED_MS = 1400; // the service counts live events about once a second
const FIRST_KINDS = 2;
let shelf;
let known = []; // everyone's list, described
let chosen = [];
let made = null; // {item_id, title, kinds, likes, fan, liked, places}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function fits(kind) {
  return { field: "genres", contains: kind };
}

function showForm() {
  const title = part("name").value || say("item.example");
  part("poster").replaceChildren(cover(title, chosen));
  for (const chip of part("kinds").children) {
    chip.setAttribute("aria-pressed", chosen.includes(chip.textContent));
  }
  part("create").textContent = say(made ? "item.change" : "item.create");
}

function choose(kind) {
  chosen = chosen.includes(kind) ? chosen.filter((one) => one !== kind) : [...chosen, kind];
  showForm();
}

// A visitor who likes this kind: the most popular things that share most with the one made up.
async function findFan() {
  const shared = (item) => item.kinds.filter((kind) => chosen.includes(kind)).length;
  const liked = [...known].sort((one, other) => shared(other) - shared(one)).slice(0, LIKED);
  const fan = randomId();
  const events = liked.map(({ item_id }) => ({ event_id: randomId(), type: "like", anonymous_id: fan, item_id }));
  return { fan, liked, watermark: await shop.record(events) };
}

async function create() {
  if (made) await shop.removeItem(made.item_id);
  const title = part("name").value.trim();
  const item_id = `demo-${randomId()}`;
  await shop.putItem(item_id, { title, genres: chosen });
  made = { item_id, title, kinds: chosen, likes: 0, places: {}, ...(await findFan()) };
  showForm();
  part("applaud").disabled = false;
  part("applause").textContent = say("applause.none");
  await showPlaces();
  await showAudience();
  return say("item.made", { title });
}

async function rankIn(question) {
  const { items } = await shop.recommend({ k: DEEPEST, ...question });
  return { items, rank: items.findIndex((item) => item.item_id === made.item_id) + 1 };
}

async function showPlaces() {
  const theirs = { anonymous_id: made.fan, min_watermark: made.watermark };
  const [onShelf, ofFan, ofAll] = await Promise.all([
    rankIn({ ...theirs, filter: { all: made.kinds.map(fits) } }),
    rankIn(theirs),
    rankIn({}),
  ]);
  const before = shelf.ids();
  const items = onShelf.items.slice(0, SHOWN).map(described);
  shelf.show(
    items.map((item, index) => ({ ...item, move: before.length ? movement(item.item_id, index + 1, before) : null })),
    say("shelf.empty"),
  );
  for (const row of part("shelf").children) row.toggleAttribute("data-mine", row.dataset.item === made.item_id);
  const titles = made.liked.map((item) => item.title).join(", ");
  part("shelf-hint").textContent = say("shelf.of", { kinds: made.kinds.join(" + "), titles });
  const found = { shelf: onShelf, fan: ofFan, everyone: ofAll };
  const lines = Object.entries(found).map(([name, { rank, items: all }]) => {
    const shown = rank ? say("place.rank", { rank }) : say("place.beyond", { limit: DEEPEST });
    const first = (made.places[name] ??= shown);
    const was = first === shown ? null : element("span", { class: "hint" }, say("place.was", { was: first }));
    const term = element("dt", {}, say(`place.${name}`, { count: all.length }));
    return element("div", {}, term, element("dd", {}, element("b", {}, shown), was));
  });
  part("places").replaceChildren(...lines);
  return onShelf.rank;
}

function face(id) {
  const hue = (Number.parseInt(id, 36) * 47) % 360 || 200;
  return drawing(
    "svg",
    { class: "face", viewBox: "0 0 34 34", "aria-hidden": "true" },
    drawing("rect", { width: 34, height: 34, fill: `hsl(${hue} 45% 78%)` }),
    drawing("circle", { cx: 17, cy: 13, r: 6, fill: `hsl(${hue} 45% 32%)` }),
    drawing("ellipse", { cx: 17, cy: 33, rx: 12, ry: 11, fill: `hsl(${hue} 45% 32%)` }),
  );
}

async function showAudience() {
  const people = await shop.audience(made.item_id, PEOPLE);
  const rows = people.map(({ user_id, score, properties }) => {
    const about = [properties.occupation, properties.age, properties.income].filter(Boolean).join(", ");
    const percent = Math.round(Math.exp(score - people[0].score) * 100);
    const fit = say("audience.fit", { percent });
    const name = [say("audience.person", { id: user_id }), about].filter(Boolean).join(" · ");
    const bar = element("meter", { min: 0, max: 100, value: percent, title: fit, "aria-label": fit });
    return element("li", {}, face(user_id), element("span", {}, name), bar);
  });
  part("audience").replaceChildren(...rows);
}

// One after the other, so that each can be watched. They are guests like any other to the service.
async function applaud() {
  const now = made;
  part("applaud").disabled = true;
  try {
    for (let one = 0; one < CROWD; one += 1) {
      const guest = randomId();
      const [first, second] = [now.liked[one % LIKED], now.liked[(one + 1) % LIKED]];
      const events = [first, second, now].map(({ item_id }) => ({
        event_id: randomId(),
        type: "like",
        anonymous_id: guest,
        item_id,
      }));
      await shop.record(events);
      now.likes += 1;
      const said = { number: now.likes, first: first.title, second: second.title, title: now.title };
      part("applause").textContent = say("applause.now", said);
      tell(part("applause").textContent);
      await pause(COUNTED_MS);
      if (now !== made) return null;
      now.rank = await showPlaces();
    }
    const done = say("applause.done", { count: now.likes, title: now.title, rank: now.rank });
    part("applause").textContent = done;
    return done;
  } finally {
    if (now === made) part("applaud").disabled = false;
  }
}

export async function begin() {
  shelf = new Rows(part("shelf"));
  shelf.expect(SHOWN);
  known = (await shop.recommend({ k: 200 })).items.map(described);
  const kinds = [...new Set(known.flatMap((item) => item.kinds))].filter((kind) => kind in MOTIFS).sort();
  const liked = ["Sci-Fi", "Thriller"].filter((kind) => kinds.includes(kind));
  chosen = liked.length ? liked : kinds.slice(0, FIRST_KINDS);
  part("kinds").replaceChildren(
    ...kinds.map((kind) => button({ "aria-pressed": "false" }, () => choose(kind), kind)),
  );
  part("name").value = say("item.example");
  part("name").addEventListener("input", showForm);
  part("making").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(create);
  });
  part("applaud").addEventListener("click", () => attempt(applaud));
  blank();
  reveal();
}

function blank() {
  made = null;
  shelf.expect(SHOWN);
  part("shelf-hint").textContent = say("shelf.hint");
  part("places").replaceChildren();
  part("audience").replaceChildren(element("li", { class: "nothing" }, say("audience.none")));
  part("applaud").disabled = true;
  part("applause").textContent = say("applause.none");
  showForm();
}

export async function reset() {
  if (made) await shop.removeItem(made.item_id);
  part("name").value = say("item.example");
  blank();
}

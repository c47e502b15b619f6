// Scene 3: a shop that has seen nobody. People of the data come in, one after the other, and it learns.
import { Shop } from "./api.js";
import { curve } from "./curve.js";
import { element, part, reveal } from "./dom.js";
import { randomId } from "./random-id.js";
import { described, Rows } from "./rows.js";
import { count, say } from "./say.js";
import { attempt } from "./status.js";

const [SHOWN, TOLD, LEFT, MANY, RECENT] = [10, 3, 10, 10, 20];
const shop = new Shop("/empty");
let lists;
let people = [];
let visits = []; // {before, after}: how many of ten were right, for each visitor

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

function likes(guest, itemIds) {
  const events = itemIds.map((item_id) => ({ event_id: randomId(), type: "like", anonymous_id: guest, item_id }));
  return shop.record(events);
}

// One person of the data: a list on arrival, three likes, another list, and ten likes in all.
async function visit() {
  const liked = people[visits.length % people.length];
  const guest = randomId();
  const right = (items, seen = []) => items.filter((id) => liked.includes(id) && !seen.includes(id));
  const ids = ({ items }) => items.map((item) => item.item_id);
  const arrival = ids(await shop.recommend({ anonymous_id: guest, k: SHOWN }));
  const told = liked.slice(0, TOLD);
  const watermark = await likes(guest, told);
  const answer = await shop.recommend({ anonymous_id: guest, k: SHOWN, min_watermark: watermark });
  const hits = right(ids(answer));
  await likes(guest, liked.slice(TOLD, LEFT));
  visits.push({ before: right(arrival).length, after: hits.length });
  const titles = await shop.look(told);
  const names = told.map((id) => described(titles.get(id) ?? { item_id: id }).title).join(", ");
  showList("after", answer.items, hits);
  const values = { number: visits.length, titles: names, hits: hits.length, first: visits.at(-1).before };
  part("visits-hint").textContent = say("visits.now", values);
  await showStranger();
  showLearning();
  return say("visits.said", values);
}

function showList(name, items, hits) {
  const mark = (item) => (hits.includes(item.item_id) ? element("span", { class: "hit" }, say("shop.hit")) : null);
  lists[name].show(items.map(described).map((item) => ({ ...item, extra: mark(item) })));
  for (const row of part(name).children) row.toggleAttribute("data-hit", hits.includes(row.dataset.item));
}

async function showStranger() {
  showList("stranger", (await shop.recommend({ k: SHOWN })).items, []);
}

// The mean over the last visitors, so that the line tells how good the shop is by now.
function running(name) {
  return visits.map((_, index) => mean(visits.slice(Math.max(0, index + 1 - RECENT), index + 1).map((one) => one[name])));
}

function showLearning() {
  const [before, after] = [running("before"), running("after")];
  const most = Math.max(2, Math.ceil(Math.max(0, ...before, ...after)));
  const values = { after: after.at(-1)?.toFixed(1), before: before.at(-1)?.toFixed(1) };
  const label = visits.length ? count("learning.label", visits.length, values) : say("learning.empty");
  const lines = [
    { name: "cold", values: before },
    { name: "warm", values: after },
  ];
  const marks = ["0", String(most / 2), String(most)];
  part("learning").replaceChildren(
    curve(lines, { label, from: 1, least: 9, most, marks }),
    element("p", { class: "hint" }, label),
  );
}

async function letIn(number) {
  for (const name of ["one", "ten"]) part(name).disabled = true;
  const before = visits;
  let said = null;
  try {
    for (let one = 0; one < number && visits === before; one += 1) said = await visit();
  } finally {
    for (const name of ["one", "ten"]) part(name).disabled = false;
  }
  return said;
}

async function blank() {
  visits = [];
  part("visits-hint").textContent = say("visits.none");
  lists.after.expect(SHOWN);
  showLearning();
  await showStranger();
}

export async function begin() {
  lists = { after: new Rows(part("after")), stranger: new Rows(part("stranger")) };
  for (const list of Object.values(lists)) list.expect(SHOWN);
  showLearning();
  reveal();
  await shop.open();
  people = await shop.people();
  part("one").addEventListener("click", () => attempt(() => letIn(1)));
  part("ten").addEventListener("click", () => attempt(() => letIn(MANY)));
  await blank();
}

export async function reset() {
  await shop.empty();
  await blank();
  return say("shop.emptied");
}

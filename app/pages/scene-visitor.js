// Scene 1: somebody new. Two lists side by side, and what each click does to one of them.
import { shop } from "./api.js";
import { curve } from "./curve.js";
import { button, element, part, reveal } from "./dom.js";
import { beginFilters, filters, passes } from "./filters.js";
import { randomId } from "./random-id.js";
import { because } from "./reasons.js";
import { described, distance, movement, Rows } from "./rows.js";
import { count, say } from "./say.js";
import { attempt } from "./status.js";
import { showFacts } from "./strip.js";
import { mark, remember, startOver, visitor } from "./visitor.js";

const SHOWN = 10;
const DEEPEST = 400;
const SEARCH_DELAY_MS = 150;
let lists;
let everyone = []; // what everyone gets, deep enough to leave out what the visitor told about
let latest = null; // the answer on screen
let newest = 0;
let without = null; // the item that the visitor supposes not to have told about

const tops = () => everyone.slice(0, SHOWN).map((item) => item.item_id);
const toldOf = (item) => visitor.told.find((one) => one.item_id === item.item_id)?.type;

function rowsOf(items) {
  return items.map((item, index) => ({
    ...item,
    move: movement(item.item_id, index + 1, tops()),
    told: toldOf(item),
  }));
}

// How far `items` are from everyone's list, less what the visitor has seen: what is left is learned.
function away(items) {
  const seen = new Set(visitor.told.map((item) => item.item_id));
  const rest = everyone.map((item) => item.item_id).filter((id) => !seen.has(id));
  return distance(rest.slice(0, items.length), items.map((item) => item.item_id));
}

async function refresh(clicked = null) {
  const mine = ++newest;
  const question = { anonymous_id: visitor.id, min_watermark: visitor.watermark, ...filters() };
  const answer = await shop.recommend(question);
  if (mine !== newest) return null;
  without = null;
  const items = answer.items.map((one) => ({ ...described(one), reason: why(one) }));
  const moved = items.filter((item, index) => latest?.items[index]?.item_id !== item.item_id).length;
  latest = { ...answer, items };
  lists.you.show(rowsOf(items));
  mark(away(items));
  if (clicked !== null) latest.screen = Math.round(performance.now() - clicked);
  showRest();
  if (visitor.told.length) await showReasons(mine, question);
  return moved ? count("updated", moved) : say("updated.none");
}

// The list is on screen before its reasons: they take one more inner loop for each event.
async function showReasons(mine, question) {
  const answer = await shop.explain(question);
  if (mine !== newest) return;
  const reasons = new Map(answer.items.map((one) => [one.item_id, because(one.reasons, visitor.told)]));
  latest.items = latest.items.map((item) => ({ ...item, reason: reasons.get(item.item_id) ?? item.reason }));
  lists.you.show(rowsOf(latest.items));
}

// Until the reasons of this list are there, those of the one before it will do.
function why({ item_id }) {
  if (!visitor.told.length) return say("reason.popular");
  return latest?.items.find((item) => item.item_id === item_id)?.reason;
}

function showRest() {
  showFacts(latest);
  lists.everyone.show(everyone.slice(0, SHOWN).map((item) => ({ ...item, told: toldOf(item) })));
  showTold();
  part("back").hidden = without === null;
  part("you-hint").textContent = without ? say("whatif.on", without) : say("you.hint");
}

function showTold() {
  lists.told.show(visitor.told.map(toldRow), say("told.nothing"));
  const percent = Math.round((visitor.curve.at(-1) ?? 0) * 100);
  const label = visitor.told.length ? count("curve.label", visitor.told.length, { percent }) : say("curve.empty");
  const values = visitor.told.length ? visitor.curve : [];
  part("curve").replaceChildren(curve([{ name: "warm", values }], { label }), element("p", { class: "hint" }, label));
}

function toldRow(item) {
  const label = say("whatif.do", item);
  const act = () => attempt(() => suppose(item));
  const pressed = without?.item_id === item.item_id;
  return {
    ...item,
    reason: say(`told.${item.type}`),
    extra: button({ class: "plain", "aria-label": label, "aria-pressed": pressed }, act, say("whatif.short")),
  };
}

// The list as it would be without one of the events, and with all others. Nothing is stored.
async function suppose(item) {
  if (without?.item_id === item.item_id) return refresh();
  const mine = ++newest;
  const others = visitor.told.filter((one) => one.item_id !== item.item_id).reverse();
  const events = others.map(({ type, item_id }) => ({ type, item_id }));
  const deep = "filter" in filters() ? DEEPEST : SHOWN + 1; // a preview knows no filter
  const found = (await shop.preview(events, deep)).after.filter((one) => one.item_id !== item.item_id);
  const about = await shop.look(found.map((one) => one.item_id));
  const after = found.filter((one) => passes(about.get(one.item_id)?.properties ?? {})).slice(0, SHOWN);
  if (mine !== newest) return null;
  without = item;
  const items = after.map(({ item_id }) => described(about.get(item_id) ?? { item_id }));
  const before = latest.items.map((one) => one.item_id);
  const differ = items.filter((one, index) => before[index] !== one.item_id).length;
  lists.you.show(items.map((one, index) => ({ ...one, move: movement(one.item_id, index + 1, before) })));
  showRest();
  return say("whatif.said", { ...item, count: differ });
}

function vote(item, type, made) {
  const clicked = performance.now();
  const list = Object.values(lists).find((one) => one.holds(made));
  const place = list.place(item.item_id);
  return attempt(async () => {
    const event = { event_id: randomId(), type, anonymous_id: visitor.id, item_id: item.item_id };
    remember(item, type, await shop.record([event]));
    const said = await refresh(clicked);
    if (!document.activeElement?.matches(".vote")) list.focus(place, type);
    return said;
  });
}

async function search() {
  const words = part("query").value;
  const titles = words.trim() ? await shop.searchTitles(words) : [];
  if (words !== part("query").value) return;
  const items = titles.map(described);
  lists.found.show(items.map((item) => ({ ...item, told: toldOf(item) })), words.trim() ? say("search.none") : null);
}

async function load() {
  const answer = await shop.recommend({ k: 60, ...filters() });
  everyone = answer.items.map(described);
  return refresh();
}

export async function begin() {
  lists = {
    found: new Rows(part("found"), vote),
    told: new Rows(part("told")),
    you: new Rows(part("you"), vote),
    everyone: new Rows(part("everyone"), vote),
  };
  lists.you.expect(SHOWN);
  lists.everyone.expect(SHOWN);
  showFacts(null);
  showTold();
  beginFilters(() => attempt(load));
  reveal();
  let waiting;
  part("query").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => attempt(search), SEARCH_DELAY_MS);
  });
  part("back").addEventListener("click", () => attempt(() => refresh()));
  await load();
}

export async function reset() {
  startOver();
  latest = null;
  part("query").value = "";
  lists.found.show([]);
  await load();
  return say("updated.none");
}

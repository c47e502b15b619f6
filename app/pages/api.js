// Calls to the service. Every failure is an Error whose message a visitor may read.
import { say } from "./say.js";

const SHOWN = ["title", "year", "genres", "price", "brand", "size", "department", "motif"];
let key;

async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error(say("unreachable"));
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail);
  return [answer, response];
}

async function send(method, path, body) {
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${key}` };
  return call(path, { method, headers, body: JSON.stringify(body) });
}

// What this demo sells; also gets the publishable key, with which all else is asked.
export async function open() {
  const [shop] = await call("/demo/shop");
  key = shop.key;
  return shop;
}

export async function recommend(question) {
  const [answer, response] = await send("POST", "/v1/recommendations", { k: 10, properties: SHOWN, ...question });
  const total = /total;dur=([\d.]+)/.exec(response.headers.get("Server-Timing") ?? "");
  return { ...answer, milliseconds: total ? Number(total[1]).toFixed(1) : null };
}

// The same list again, with the events that each item is due to.
export async function explain(question) {
  return (await send("POST", "/demo/recommendations", { k: 10, explain: true, ...question }))[0];
}

// Properties of any items, by id.
export async function look(itemIds) {
  if (!itemIds.length) return new Map();
  const question = { candidate_item_ids: itemIds, k: itemIds.length, include_seen: true };
  const { items } = await recommend(question);
  return new Map(items.map((item) => [item.item_id, item]));
}

export async function record(events) {
  const [answer] = await send("POST", "/v1/events", { events });
  if (answer.rejected.length) throw new Error(answer.rejected[0].detail);
  return answer.watermark;
}

// What a visitor who did only these events would get; nothing is stored.
export async function preview(events, k = 10) {
  return (await send("POST", "/demo/preview", { events, k }))[0];
}

export async function searchTitles(words) {
  return (await call(`/demo/titles?q=${encodeURIComponent(words)}`))[0];
}

// A thing of one's own; its id begins with "demo-".
export async function putItem(itemId, properties) {
  await send("PUT", `/demo/items/${itemId}`, { properties });
}

export async function removeItem(itemId) {
  await send("DELETE", `/demo/items/${itemId}`, {});
}

// Whom it would please most: [{user_id, score, rank, properties}].
export async function audience(itemId, k) {
  return (await send("POST", `/demo/items/${itemId}/audience`, { k }))[0].users;
}

// Calls to the service. Every failure is an Error whose message a visitor may read.
import { say } from "./say.js";

const SHOWN = ["title", "year", "genres", "price", "brand", "size", "category", "in_stock"];

async function fetched(path, options = {}) {
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

// One shop: that of the demo, or at "/empty" that which begins without any interaction.
export class Shop {
  #at;
  #key = null;

  constructor(at = "") {
    this.#at = at;
  }

  // What it sells; also gets the publishable key, with which all else is asked.
  async open() {
    const [about] = await fetched(`${this.#at}/demo/shop`);
    this.#key = about.key;
    return about;
  }

  async #send(method, path, body) {
    const headers = { "Content-Type": "application/json", Authorization: `Bearer ${this.#key}` };
    return fetched(`${this.#at}${path}`, { method, headers, body: JSON.stringify(body) });
  }

  async recommend(question) {
    const asked = { k: 10, properties: SHOWN, ...question };
    const [answer, response] = await this.#send("POST", "/v1/recommendations", asked);
    const total = /total;dur=([\d.]+)/.exec(response.headers.get("Server-Timing") ?? "");
    return { ...answer, milliseconds: total ? Number(total[1]).toFixed(1) : null };
  }

  // The same list again, with the events that each item is due to.
  async explain(question) {
    return (await this.#send("POST", "/demo/recommendations", { k: 10, explain: true, ...question }))[0];
  }

  // Properties of any items, by id.
  async look(itemIds) {
    if (!itemIds.length) return new Map();
    const question = { candidate_item_ids: itemIds, k: itemIds.length, include_seen: true };
    const { items } = await this.recommend(question);
    return new Map(items.map((item) => [item.item_id, item]));
  }

  async record(events) {
    const [answer] = await this.#send("POST", "/v1/events", { events });
    if (answer.rejected.length) throw new Error(answer.rejected[0].detail);
    return answer.watermark;
  }

  // What a visitor who did only these events would get; nothing is stored.
  async preview(events, k = 10) {
    return (await this.#send("POST", "/demo/preview", { events, k }))[0];
  }

  async searchTitles(words) {
    return (await fetched(`${this.#at}/demo/titles?q=${encodeURIComponent(words)}`))[0];
  }

  // A thing of one's own; its id begins with "demo-".
  async putItem(itemId, properties) {
    await this.#send("PUT", `/demo/items/${itemId}`, { properties });
  }

  async removeItem(itemId) {
    await this.#send("DELETE", `/demo/items/${itemId}`, {});
  }

  // Whom it would please most: [{user_id, score, rank, properties}].
  async audience(itemId, k) {
    return (await this.#send("POST", `/demo/items/${itemId}/audience`, { k }))[0].users;
  }

  // What people of the data liked: [[item id, ...], ...]. Of the empty shop only, as is `empty`.
  async people() {
    return (await fetched(`${this.#at}/people`))[0];
  }

  async empty() {
    await fetched(`${this.#at}/reset`, { method: "POST" });
  }
}

export const shop = new Shop();

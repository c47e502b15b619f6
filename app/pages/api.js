// Calls to the service. Every failure is an Error whose message a visitor may read.
import { TEXTS } from "./texts.js";

let key;

async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error(TEXTS.unreachable);
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail);
  return [answer, response];
}

async function post(path, body) {
  key ??= (await call("/demo/key"))[0].key;
  return call(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  });
}

export async function recommend(question) {
  const [answer, response] = await post("/v1/recommendations", {
    k: 10,
    properties: ["title", "year", "genres"],
    ...question,
  });
  const total = /total;dur=([\d.]+)/.exec(response.headers.get("Server-Timing") ?? "");
  return { ...answer, milliseconds: total ? Number(total[1]).toFixed(1) : "?" };
}

export async function record(event) {
  const [answer] = await post("/v1/events", { events: [event] });
  if (answer.rejected.length) throw new Error(answer.rejected[0].detail);
  return answer.watermark;
}

export async function searchTitles(words) {
  return (await call(`/demo/titles?q=${encodeURIComponent(words)}`))[0];
}

// The console's calls: with the admin key, which lives in this tab's sessionStorage and nowhere else.
import { say } from "./say.js";

const STORE = "thaw-admin-key";
let key = sessionStorage.getItem(STORE);

export const isInside = () => key !== null;

// problems: whether a refusal is an answer too. id: what the service shall call this request.
export async function call(method, path, body = null, { problems = false, id = null } = {}) {
  const headers = { Authorization: `Bearer ${key}` };
  if (id) headers["X-Request-Id"] = id;
  if (body) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  } catch {
    throw new Error(say("unreachable"));
  }
  const answer = await response.json();
  if (response.ok || (problems && answer.parts)) return answer;
  if (response.status === 401) leave();
  const error = new Error(answer.detail);
  error.status = response.status;
  throw error;
}

// Keeps the key only if it opens something.
export async function enterWith(candidate) {
  key = candidate;
  try {
    await call("GET", "/v1/admin/weights");
  } catch (error) {
    leave();
    throw error;
  }
  sessionStorage.setItem(STORE, key);
}

export function leave() {
  key = null;
  sessionStorage.removeItem(STORE);
}

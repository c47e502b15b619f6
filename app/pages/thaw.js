// A shop page's side of Thaw: one file without dependencies, to be copied or served as it is.
//
//   import { Thaw } from "./thaw.js";
//   const thaw = new Thaw({ url: "//thaw.shop.example", key: PUBLISHABLE_KEY });
//   thaw.record("click", "mug-7");
//   const { items } = await thaw.recommend({ k: 5, properties: ["title"] });
const STORE = "thaw-anonymous-id";
const BATCH_EVENTS = 100;
const BATCH_BYTES = 30_000; // browsers keep at most 64 KiB on its way after a page has gone
const QUEUE_EVENTS = 1_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
const EARLY_MS = 10_000; // a token is not used to its very end: requests take their time

export class Thaw {
  #url;
  #key;
  #userToken;
  #user = null; // { id, token, until }: who has signed in, as far as a token is known
  #fallback;
  #timeoutMs;
  #batchMs;
  #warn;
  #queue = []; // what the service has not yet said to have; an event that is sent twice counts once
  #sending = null;
  #timer = null;
  #failures = 0;
  #pausing = false;
  #watermark = null;
  #id = randomId(); // for browsers that keep nothing

  // url: where the service is; the page's own address by default. key: a publishable one.
  // userToken: what your server got from POST /v1/users/{id}/token for a user who has signed in, or a
  // function that returns it, or a promise of it, or null for a guest. It is called when one is needed.
  // fallback: (question) => item ids to show while the service does not answer, or a promise of them.
  // timeoutMs: what a list may take. batchMs: how long events wait for others. warn: told of refusals.
  constructor({
    url = "", key, userToken = null, fallback = null, timeoutMs = 2_000, batchMs = 1_000, warn = console.warn,
  }) {
    [this.#url, this.#key, this.#userToken, this.#fallback] = [url, key, userToken, fallback];
    [this.#timeoutMs, this.#batchMs, this.#warn] = [timeoutMs, batchMs, warn];
    addEventListener("pagehide", () => this.#beacon());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") this.#beacon();
    });
  }

  // Who this browser is: random, kept in localStorage. Give it to POST /v1/users/{id}/merge at sign-in.
  get anonymousId() {
    try {
      this.#id = localStorage.getItem(STORE) ?? this.#id;
      localStorage.setItem(STORE, this.#id);
    } catch {
      // Storage is forbidden: the id lives as long as the page.
    }
    return this.#id;
  }

  // Somebody new from now on, such as after sign-out. A token that was given as text is forgotten, a
  // function is asked anew. What was recorded before stays theirs who did it.
  forget() {
    this.#claim(this.#queue);
    if (typeof this.#userToken === "string") this.#userToken = null;
    this.#user = null;
    this.#id = randomId();
    try {
      localStorage.removeItem(STORE);
    } catch {
      // Nothing was kept.
    }
    this.#watermark = null;
  }

  // Returns at once. `more` may have value, request_id, position, context.
  record(type, itemId, more = {}) {
    const event = { ...more, type, item_id: itemId, anonymous_id: this.anonymousId, event_id: randomId() };
    this.#queue.push({ event, user: undefined });
    if (this.#queue.length > QUEUE_EVENTS) this.#queue.shift();
    this.#schedule(this.#batchMs);
  }

  // Sends what waits. Resolves once it is durable, or a later attempt is set.
  flush() {
    if (this.#pausing) return Promise.resolve();
    this.#sending ??= this.#send().finally(() => {
      this.#sending = null;
    });
    return this.#sending;
  }

  // The answer of POST /v1/recommendations, which knows of all that was recorded before. Where none
  // comes in time: the fallback's items with mode "fallback", or an Error.
  async recommend(question = {}) {
    const signal = AbortSignal.timeout(this.#timeoutMs);
    try {
      await Promise.race([this.flush(), ended(signal)]);
      const headers = { "Content-Type": "application/json", Authorization: `Bearer ${this.#key}` };
      const person = await Promise.race([this.#signedIn(), ended(signal)]);
      const who = person ? { user_id: person.id } : { anonymous_id: this.anonymousId };
      const asked = JSON.stringify({ ...who, min_watermark: this.#watermark, ...question });
      return await this.#as(person, (user) =>
        this.#post("/v1/recommendations", asked, { signal, headers: { ...headers, ...proof(user) } }),
      );
    } catch (error) {
      if (!this.#fallback || isFinal(error)) throw error;
      const ids = (await this.#fallback(question)).slice(0, question.k ?? 10);
      return {
        items: ids.map((id, n) => ({ item_id: id, rank: n + 1, score: 0, source: "fallback", properties: {} })),
        personalization: { mode: "fallback", support: 0 },
        degraded: error.message,
      };
    }
  }

  // Who has signed in, with a token that is good for a while yet; null for a guest.
  async #signedIn() {
    if (!this.#userToken) return null;
    if (!this.#user || this.#user.until < Date.now() + EARLY_MS) {
      const token = await (typeof this.#userToken === "function" ? this.#userToken() : this.#userToken);
      this.#user = token ? { token, ...readToken(token) } : null;
    }
    return this.#user;
  }

  // What `call` brings for a user; if the token was refused, once more with a new one.
  async #as(user, call) {
    try {
      return await call(user);
    } catch (error) {
      if (!user || error.status !== 401 || typeof this.#userToken !== "function") throw error;
      if (this.#user?.token === user.token) this.#user = null;
      const again = await this.#signedIn();
      if (again?.id !== user.id) throw error;
      return call(again);
    }
  }

  // From when it is first sent, an event is the user's or the guest's for good: it counts once for each.
  #claim(entries) {
    for (const entry of entries) {
      if (entry.user !== undefined) continue;
      entry.user = this.#user;
      if (!entry.user) continue;
      delete entry.event.anonymous_id;
      entry.event.user_id = entry.user.id;
    }
  }

  // The key in the address and a body of plain text: no preflight, and no headers for a beacon.
  #eventsPath() {
    return `/v1/events?key=${encodeURIComponent(this.#key)}`;
  }

  async #post(path, body, options) {
    const response = await fetch(this.#url + path, { method: "POST", body, credentials: "omit", ...options });
    if (response.ok) return response.json();
    const problem = await response.json().catch(() => ({}));
    const error = new Error(`${response.status} ${problem.title ?? ""}: ${problem.detail ?? ""}`);
    error.status = response.status;
    error.retryAfterMs = 1_000 * (Number(response.headers.get("Retry-After")) || 0);
    throw error;
  }

  async #send() {
    clearTimeout(this.#timer);
    this.#timer = null;
    while (this.#queue.length) {
      let batch = [];
      try {
        await this.#signedIn();
        this.#claim(this.#queue);
        batch = this.#batch();
        const body = written(batch);
        const keepalive = bytes(body) <= BATCH_BYTES;
        const signal = AbortSignal.timeout(5 * this.#timeoutMs);
        const answer = await this.#as(this.#fresh(batch[0].user), (user) =>
          this.#post(this.#eventsPath(), body, { keepalive, signal, headers: proof(user) }),
        );
        this.#failures = 0;
        this.#watermark = answer.watermark ?? this.#watermark;
        for (const { index, detail } of answer.rejected) {
          this.#warn(`Thaw left out ${batch[index].event.type}: ${detail}`);
        }
      } catch (error) {
        // Without a batch it was the shop's own token that failed, and nothing was sent.
        if (!batch.length || !isFinal(error)) {
          this.#pausing = true;
          this.#schedule(Math.max(this.#pause(), error.retryAfterMs ?? 0));
          return;
        }
        this.#warn(`Thaw took no events: ${error.message}`);
      }
      this.#drop(batch);
    }
  }

  // A user with the newest token there is.
  #fresh(user) {
    return user && this.#user?.id === user.id ? this.#user : user;
  }

  #pause() {
    const longest = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures++, LONGEST_PAUSE_MS);
    return longest * (0.5 + Math.random() / 2);
  }

  #schedule(ms) {
    this.#timer ??= setTimeout(() => {
      this.#pausing = false;
      this.flush();
    }, ms);
  }

  // As many of the oldest as fit and are of one person; one alone is never too large to be tried.
  #batch() {
    const end = this.#queue.findIndex(({ user }) => user?.id !== this.#queue[0].user?.id);
    let batch = this.#queue.slice(0, end < 0 ? BATCH_EVENTS : Math.min(end, BATCH_EVENTS));
    while (batch.length > 1 && bytes(written(batch)) > BATCH_BYTES) {
      batch = batch.slice(0, batch.length >> 1);
    }
    return batch;
  }

  #drop(batch) {
    const done = new Set(batch);
    this.#queue = this.#queue.filter((entry) => !done.has(entry));
  }

  // The page may end now: hand everything to the browser, which sends it afterwards. A beacon carries no
  // token, so what users did goes by a request that outlives the page.
  #beacon() {
    this.#claim(this.#queue);
    while (this.#queue.length) {
      const batch = this.#batch();
      const [path, body, user] = [this.#eventsPath(), written(batch), this.#fresh(batch[0].user)];
      if (user) {
        this.#post(path, body, { keepalive: true, headers: proof(user) }).catch(() => this.#queue.unshift(...batch));
      } else if (!navigator.sendBeacon(this.#url + path, body)) return;
      this.#drop(batch);
    }
  }
}

function written(batch) {
  return JSON.stringify({ events: batch.map(({ event }) => event) });
}

function proof(user) {
  return user ? { "X-User-Token": user.token } : {};
}

// What a JSON Web Token says; whether it is true is the service's to judge.
function readToken(token) {
  const payload = atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
  const { sub, exp } = JSON.parse(new TextDecoder().decode(Uint8Array.from(payload, (c) => c.charCodeAt(0))));
  return { id: sub, until: 1_000 * exp };
}

function bytes(text) {
  return new Blob([text]).size;
}

// Whether asking again would bring the same: the request itself was refused.
function isFinal({ status }) {
  return status >= 400 && status < 500 && status !== 429;
}

function ended(signal) {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

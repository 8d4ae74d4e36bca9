import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AccountLockedError, ConflictError, InvalidTwoFactorCodeError, memoryStore, NetworkError, NotFoundError, Ostiary,
  OstiaryError, RateLimitedError, ReauthenticationRequiredError, TimeoutError, TwoFactorRequiredError,
  UnauthorizedError, UnavailableError,
} from "@ostiary/client";

const { OSTIARY_URL: url, OSTIARY_PASSWORD: password, OSTIARY_CODE: code } = process.env;
const ada = { username: "ada", password };

/** counting returns a fetch that counts the requests by path, after a change of the answer. */
function counting(change = (real) => real()) {
  const seen = [];
  const count = (path) => seen.filter((r) => r.path.endsWith(path)).length;
  const call = async (input, init) => {
    const request = { path: new URL(input).pathname, init, headers: new Headers(init.headers) };
    seen.push(request);
    return change(() => fetch(input, init), request, seen.length);
  };
  return { fetch: call, seen, count };
}

async function signedIn(options = {}) {
  const ostiary = new Ostiary({ url, ...options });
  const { user } = await ostiary.signIn(ada);
  return { ostiary, user };
}

const answer = (status, error, headers = {}) =>
  Response.json({ error, message: error, request_id: "req_1" }, { status, headers });

test("a session begins, serves calls and ends", async () => {
  let ended = 0;
  const store = memoryStore();
  const { ostiary, user } = await signedIn({ store, onSignedOut: () => ended++ });
  assert.equal((await ostiary.get("/auth/verify")).username, "ada");
  assert.equal((await ostiary.get("/users/{user_id}", { path: { user_id: user.user_id } })).email, "ada@example.com");
  const { accessToken } = store.get();
  await ostiary.signOut();
  assert.equal(ended, 1);
  assert.equal(store.get(), undefined);
  await assert.rejects(new Ostiary({ url, apiKey: accessToken }).get("/auth/verify"), UnauthorizedError);
  await assert.rejects(ostiary.get("/users"), UnauthorizedError);
});

test("a second factor is asked for, and a wrong code is an error of its own", async () => {
  const grace = { username: "grace", password };
  const ostiary = new Ostiary({ url });
  await assert.rejects(ostiary.signIn(grace), (e) => e instanceof TwoFactorRequiredError && e.methods.includes("totp"));
  await assert.rejects(ostiary.signIn(grace, () => undefined), TwoFactorRequiredError);
  let asked = 0;
  await assert.rejects(ostiary.signIn(grace, () => { asked++; return "000000"; }), InvalidTwoFactorCodeError);
  assert.equal(asked, 1);
  const signed = await ostiary.signIn(grace, async () => code);
  assert.equal(signed.user.username, "grace");
  await ostiary.stepUp({ two_factor_code: "000000" }).then(assert.fail, (e) => {
    assert(e instanceof InvalidTwoFactorCodeError);
    assert.equal(e.status, 400);
  });
});

test("calls at one time share one refresh, and a refused access token is replaced", async () => {
  for (const change of [
    (t) => ({ ...t, expiresAt: 0 }), // by the clock of the client
    (t) => ({ ...t, accessToken: "bad" }), // by the server
  ]) {
    const { fetch: counted, count } = counting();
    const store = memoryStore();
    const { ostiary } = await signedIn({ store, fetch: counted });
    const before = store.get().refreshToken;
    store.set(change(store.get()));
    const all = await Promise.all(Array.from({ length: 8 }, () => ostiary.get("/auth/verify")));
    assert(all.every((v) => v.valid));
    assert.equal(count("/auth/refresh"), 1);
    assert.notEqual(store.get().refreshToken, before);
  }
});

test("clients that share a store refresh under its lock, one of them only", async () => {
  let tokens, queue = Promise.resolve();
  const store = {
    get: async () => tokens,
    set: async (next) => { tokens = next; },
    lock: (work) => (queue = queue.catch(() => {}).then(work)),
  };
  const { fetch: counted, count } = counting();
  const { ostiary } = await signedIn({ store, fetch: counted });
  const others = [ostiary, ...Array.from({ length: 4 }, () => new Ostiary({ url, store, fetch: counted }))];
  tokens = { ...tokens, expiresAt: 0 };
  assert((await Promise.all(others.map((o) => o.get("/auth/verify")))).every((v) => v.valid));
  assert.equal(count("/auth/refresh"), 1);
});

test("a refresh whose response is lost is repeated and does not end the session", async () => {
  let lost = 0;
  const { fetch: counted } = counting(async (real, request) => {
    const response = await real();
    if (request.path.endsWith("/auth/refresh") && lost++ === 0) throw new TypeError("connection reset");
    return response;
  });
  const store = memoryStore();
  const { ostiary } = await signedIn({ store, fetch: counted });
  store.set({ ...store.get(), expiresAt: 0 });
  assert((await ostiary.get("/auth/verify")).valid);
  assert.equal(lost, 2);
});

test("an ended session is forgotten, once", async () => {
  let ended = 0;
  const store = memoryStore();
  const { ostiary, user } = await signedIn({ store, onSignedOut: () => ended++ });
  const other = await signedIn();
  await other.ostiary.delete("/sessions/{session_id}", { path: { session_id: store.get().sessionId } });
  const calls = Array.from({ length: 3 }, () => ostiary.get("/users/{user_id}", { path: { user_id: user.user_id } }));
  for (const result of await Promise.allSettled(calls)) assert(result.reason instanceof UnauthorizedError);
  assert.equal(ended, 1);
  assert.equal(store.get(), undefined);
});

test("a created object has an idempotency key, and the repetition after a lost response makes no second one", async () => {
  let lost = 0;
  const { fetch: counted, seen } = counting(async (real, request) => {
    const response = await real();
    if (request.path.endsWith("/groups") && request.init.method === "POST" && lost++ === 0) throw new TypeError("reset");
    return response;
  });
  const { ostiary } = await signedIn({ fetch: counted });
  const group = await ostiary.post("/groups", { body: { name: "repeated" } });
  const keys = seen.filter((r) => r.path.endsWith("/groups")).map((r) => r.headers.get("idempotency-key"));
  assert.equal(keys.length, 2);
  assert(keys[0] && keys[0] === keys[1]);
  await assert.rejects(ostiary.post("/groups", { body: { name: "repeated" } }), ConflictError);
  const same = await ostiary.post("/groups", { body: { name: "repeated" }, idempotencyKey: keys[0] });
  assert.equal(same.group_id, group.group_id);
});

test("lists are read page by page", async () => {
  const { fetch: counted, seen } = counting();
  const { ostiary } = await signedIn({ fetch: counted });
  for (let i = 0; i < 5; i++) {
    await ostiary.post("/users", { body: { username: `listed${i}`, email: `listed${i}@example.com`, password: null } });
  }
  const found = [];
  for await (const user of ostiary.list("/users", { query: { limit: 2, search: "listed", sort: "username" } })) {
    found.push(user.username);
  }
  assert.deepEqual(found, ["listed0", "listed1", "listed2", "listed3", "listed4"]);
  const pages = () => seen.filter((r) => r.path.endsWith("/users") && r.init.method === "GET").length;
  assert.equal(pages(), 3);
  for await (const _ of ostiary.list("/users", { query: { limit: 2 } })) break;
  assert.equal(pages(), 4);
});

test("an unavailable service is asked again where that is safe, after the time that it names", async () => {
  const failing = (status, error, headers) => counting(async (real, request, n) => n === 1 ? answer(status, error, headers) : real());
  const once = failing(503, "storage_unavailable", { "Retry-After": "0" });
  assert.equal((await new Ostiary({ url, fetch: once.fetch }).get("/auth/providers")).providers.length, 0);
  assert.equal(once.seen.length, 2);
  const change = failing(503, "storage_unavailable", { "Retry-After": "0" });
  await assert.rejects(new Ostiary({ url, fetch: change.fetch }).signIn(ada), UnavailableError);
  assert.equal(change.seen.length, 1);
  const limited = failing(429, "rate_limited", { "Retry-After": "0" });
  await new Ostiary({ url, fetch: limited.fetch }).signIn(ada);
  assert.equal(limited.seen.length, 2);
  const long = failing(429, "rate_limited", { "Retry-After": "60" });
  await assert.rejects(new Ostiary({ url, fetch: long.fetch }).signIn(ada),
    (e) => e instanceof RateLimitedError && e.retryAfter === 60 && e.requestId === "req_1");
});

test("errors have the type of their code and the names of the fields", async () => {
  const { ostiary } = await signedIn();
  const absent = { path: { user_id: "usr_00000000000000000000000000" } };
  await assert.rejects(ostiary.get("/users/{user_id}", absent), NotFoundError);
  await assert.rejects(ostiary.post("/users", { body: { username: "x", email: "none" } }),
    (e) => e instanceof OstiaryError && e.name === "InvalidRequestError" && e.details[0].field === "email");
  const locked = () => Promise.resolve(Response.json(
    { error: "account_locked", message: "m", locked_until: "2026-01-01T00:00:00Z" }, { status: 423 }));
  await assert.rejects(new Ostiary({ url, fetch: locked }).signIn(ada),
    (e) => e instanceof AccountLockedError && e.lockedUntil.getUTCFullYear() === 2026);
  const proxy = () => Promise.resolve(new Response("<html>", { status: 502 }));
  await assert.rejects(new Ostiary({ url, fetch: proxy }).signIn(ada), NetworkError);
  await assert.rejects(new Ostiary({ url: "http://127.0.0.1:1", retries: 0 }).get("/auth/providers"), NetworkError);
});

test("a call ends by its time-out and by its signal", async (t) => {
  const hanging = (_, init) => new Promise((_, reject) => {
    init.signal.throwIfAborted();
    init.signal.addEventListener("abort", () => reject(init.signal.reason));
  });
  const alive = setInterval(() => {}, 1000); // the timer of a time-out alone does not keep Node.js running
  t.after(() => clearInterval(alive));
  const ostiary = new Ostiary({ url, fetch: hanging, timeout: 20 });
  await assert.rejects(ostiary.get("/auth/providers"), TimeoutError);
  const stop = new AbortController();
  const call = ostiary.get("/auth/providers", { signal: stop.signal, timeout: 0 });
  stop.abort(new Error("enough"));
  await assert.rejects(call, /enough/);
});

test("a call that needs a recent sign-in is repeated after a step-up", async () => {
  let asked = 0;
  const { fetch: counted, count } = counting(async (real, request) =>
    request.path.endsWith("/groups") && asked === 0 ? answer(403, "reauthentication_required") : real());
  const { ostiary } = await signedIn({ fetch: counted });
  await assert.rejects(ostiary.post("/groups", { body: { name: "stepped" } }), ReauthenticationRequiredError);
  const asking = new Ostiary({ url, fetch: counted, onReauthentication: async () => { asked++; return { password }; } });
  await asking.signIn(ada);
  assert.equal((await asking.post("/groups", { body: { name: "stepped" } })).name, "stepped");
  assert.equal(count("/auth/step-up"), 1);
});

test("with a cookie as carrier the client holds no tokens and sends none", async () => {
  let ended = 0;
  const store = memoryStore();
  const { fetch: faked, seen } = counting(async (_, request) => {
    if (!request.path.endsWith("/auth/login")) return answer(401, "unauthorized");
    return Response.json({ session_id: "sess_1", user: { user_id: "usr_1", username: "ada", role: "admin" } });
  });
  const page = new Ostiary({ url, store, fetch: faked, carrier: "cookie", onSignedOut: () => ended++ });
  assert.equal((await page.signIn(ada)).session_id, "sess_1");
  await assert.rejects(page.get("/users"), UnauthorizedError);
  assert.equal(ended, 1);
  assert.equal(store.get(), undefined);
  assert.equal(JSON.parse(seen[0].init.body).carrier, "cookie");
  for (const r of seen) {
    assert.equal(r.init.credentials, "same-origin");
    assert.equal(r.headers.get("authorization"), null);
  }
});

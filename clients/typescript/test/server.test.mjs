import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import express from "express";
import { Hono } from "hono";
import { Ostiary, memoryStore, UnauthorizedError } from "@ostiary/client";
import { offlineVerifier, onlineVerifier } from "@ostiary/client/server";
import * as onExpress from "@ostiary/client/express";
import * as onFetch from "@ostiary/client/fetch";

const { OSTIARY_URL: url, OSTIARY_ISSUER: issuer, OSTIARY_PASSWORD: password } = process.env;

async function session(username) {
  const store = memoryStore();
  const ostiary = new Ostiary({ url, store });
  const signed = await ostiary.signIn({ username, password });
  return { ostiary, signed, token: store.get().accessToken };
}

const ada = await session("ada"), bob = await session("bob");
const made = await ada.ostiary.post("/users/{user_id}/api-keys", {
  path: { user_id: ada.signed.user.user_id }, body: { name: "service", permissions: ["tokens.introspect"] },
});
const verifiers = {
  online: onlineVerifier({ url }),
  introspection: onlineVerifier({ url, apiKey: made.api_key }),
  offline: offlineVerifier({ url, issuer, audience: issuer }),
};

for (const [name, verifier] of Object.entries(verifiers)) {
  test(`${name}: who a token is of, and what they may do`, async () => {
    const principal = await verifier.verify(bob.token);
    assert.equal(principal.userId, bob.signed.user.user_id);
    assert.equal(principal.sessionId, bob.signed.session_id);
    assert(principal.expiresAt > new Date());
    assert.equal(await verifier.allows(principal, "profile.edit"), true);
    assert.equal(await verifier.allows(principal, "users.read"), false);
    assert.equal(await verifier.allows(await verifier.verify(ada.token), "users.read"), true); // implied
    for (const bad of ["", "x", `${bob.token}x`, bob.token.slice(0, -4) + "AAAA", "a.b.c", "sk_live_none"]) {
      await assert.rejects(verifier.verify(bad), UnauthorizedError, bad);
    }
  });
}

test("an ended session is refused online at once, and offline when its token expires", async () => {
  const { ostiary, token } = await session("bob");
  await ostiary.signOut();
  await assert.rejects(verifiers.online.verify(token), UnauthorizedError);
  await assert.rejects(verifiers.introspection.verify(token), UnauthorizedError);
  assert((await verifiers.offline.verify(token)).userId);
  const told = offlineVerifier({ url, issuer, audience: issuer, revocations: { ended: () => true } });
  await assert.rejects(told.verify(token), UnauthorizedError);
});

test("offline: another issuer or audience, and an altered header, are refused", async () => {
  for (const options of [{ issuer: "https://other", audience: issuer }, { issuer, audience: "other" }]) {
    await assert.rejects(offlineVerifier({ url, ...options }).verify(ada.token), UnauthorizedError);
  }
  const [, body, signature] = ada.token.split(".");
  for (const header of [{ alg: "none" }, { alg: "HS256", typ: "at+jwt", kid: "x" }, { alg: "EdDSA", typ: "JWT", kid: "x" }]) {
    const head = Buffer.from(JSON.stringify(header)).toString("base64url");
    await assert.rejects(verifiers.offline.verify(`${head}.${body}.${signature}`), UnauthorizedError);
  }
});

test("offline: keys are read once, and an outage does not end known keys", async () => {
  let reads = 0, down = false;
  const counted = (...args) => {
    reads++;
    return down ? Promise.reject(new TypeError("down")) : fetch(...args);
  };
  const verifier = offlineVerifier({ url, issuer, audience: issuer, fetch: counted });
  await Promise.all(Array.from({ length: 5 }, () => verifier.verify(ada.token)));
  assert.equal(reads, 1);
  down = true;
  await verifier.verify(bob.token);
});

/** statuses returns what an application answers to requests of three callers. */
async function statuses(call) {
  const seen = [];
  for (const token of [undefined, "bad", bob.token, ada.token]) {
    for (const path of ["/me", "/admin"]) {
      const response = await call(path, token ? { Authorization: `Bearer ${token}` } : {});
      seen.push(response.status);
      if (response.status === 401) assert.equal(response.headers.get("www-authenticate"), "Bearer");
      if (path === "/me" && response.status === 200) assert.match((await response.json()).name, /^(ada|bob)$/);
    }
  }
  const byKey = await call("/me", { "X-API-KEY": made.api_key });
  assert.equal(byKey.status, 200);
  return seen;
}
const expected = [401, 401, 401, 401, 200, 403, 200, 200];

test("Express: 401 and 403 through its error handlers", async () => {
  const app = express();
  app.set("env", "test"); // no log of errors
  app.get("/me", onExpress.authenticate(verifiers.online), (req, res) => res.json({ name: req.principal.username }));
  app.get("/admin", onExpress.requires(verifiers.online, "users.read"), (_req, res) => res.json({}));
  const down = onlineVerifier({ url: "http://127.0.0.1:1", timeout: 1 });
  app.get("/down", onExpress.authenticate(down), (_req, res) => res.json({}));
  const server = createServer(app).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const call = (path, headers) => fetch(`http://127.0.0.1:${server.address().port}${path}`, { headers });
    assert.deepEqual(await statuses(call), expected);
    assert.equal((await call("/down", { Authorization: "Bearer x" })).status, 503);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test("Hono: 401 and 403 as its exceptions", async () => {
  const app = new Hono();
  app.get("/me", onFetch.authenticate(verifiers.online), (c) => c.json({ name: c.get("principal").username }));
  app.use("/admin", onFetch.authenticate(verifiers.online));
  app.get("/admin", onFetch.requires(verifiers.online, "users.read"), (c) => c.json({}));
  assert.deepEqual(await statuses((path, headers) => app.request(path, { headers })), expected);
});

test("fetch handlers: 401 and 403 as responses", async () => {
  const me = onFetch.protect(verifiers.online, (_request, principal) => Response.json({ name: principal.username }));
  const admin = onFetch.protect(verifiers.online, () => Response.json({}), "users.read");
  const call = (path, headers) => (path === "/me" ? me : admin)(new Request(`http://app${path}`, { headers }));
  assert.deepEqual(await statuses(call), expected);
});

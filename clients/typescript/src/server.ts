/**
 * Verification for services: who sends a request, and may they do this. `onlineVerifier` asks the server and sees a
 * revocation at once; `offlineVerifier` checks the signature of access tokens with the server's keys.
 */
import { ForbiddenError, NetworkError, OstiaryError, UnauthorizedError } from "./errors.js";
import { Ostiary } from "./ostiary.js";

/** Principal is who a request acts as. */
export interface Principal {
  userId: string;
  /** Undefined for an API key. */
  sessionId: string | undefined;
  /** Undefined for a key without an end. */
  expiresAt: Date | undefined;
  /** Undefined where the verification was offline: a token does not have it. */
  username: string | undefined;
  role: string | undefined;
  permissions: readonly string[] | undefined;
  /** The access token or API key, to call other services with. */
  token: string;
}

export interface Verifier {
  /** Returns who the token is of. An invalid one is an UnauthorizedError. */
  verify(token: string, signal?: AbortSignal): Promise<Principal>;
  /** Reports whether the principal has the permission. */
  allows(principal: Principal, permission: string, signal?: AbortSignal): Promise<boolean>;
}

interface Address {
  url: string;
  /** Milliseconds for a verification; 5,000 by default. */
  timeout?: number;
  fetch?: typeof globalThis.fetch;
}

export interface OnlineOptions extends Address {
  /** An API key with `tokens.introspect`: tokens are then introspected (RFC 7662) instead of verified as the caller. */
  apiKey?: string;
}

/** onlineVerifier verifies access tokens and API keys with the server, at each request. */
export function onlineVerifier(options: OnlineOptions): Verifier {
  return { verify: options.apiKey ? introspection(options) : verification(options), allows: permissionCheck(options) };
}

function verification(options: Address): Verifier["verify"] {
  return async (token, signal) => {
    const found = await clientOf(options, token).get("/auth/verify", signal ? { signal } : {});
    return {
      userId: found.user_id, sessionId: found.session_id ?? undefined, username: found.username, role: found.role,
      expiresAt: found.expires_at === null ? undefined : new Date(found.expires_at), permissions: found.permissions,
      token,
    };
  };
}

function introspection(options: OnlineOptions): Verifier["verify"] {
  const service = clientOf(options, options.apiKey);
  return async (token, signal) => {
    if (!token) throw refusedToken();
    const found = await service.post("/auth/introspect", { body: { token }, ...(signal && { signal }) });
    if (!found.active || !found.sub) throw refusedToken();
    return {
      userId: found.sub, sessionId: found.sid, username: found.username, role: undefined, token,
      expiresAt: found.exp === undefined ? undefined : new Date(found.exp * 1000),
      permissions: found.scope ? found.scope.split(" ") : [],
    };
  };
}

function permissionCheck(options: Address): Verifier["allows"] {
  return async (principal, permission, signal) => {
    if (principal.permissions?.some((granted) => matches(granted, permission))) return true;
    // The server knows what a permission implies, and the permissions of a token that was verified offline.
    const found = await clientOf(options, principal.token).post("/permissions/check", {
      body: { permissions: [permission] }, ...(signal && { signal }),
    });
    return found.results[0]?.granted === true;
  };
}

/** matches reports whether a granted permission, which may be a pattern, is or includes the wanted one. */
export function matches(granted: string, wanted: string): boolean {
  return granted === wanted || granted === "*" || (granted.endsWith(".*") && wanted.startsWith(granted.slice(0, -1)));
}

function clientOf(options: Address, apiKey: string | undefined): Ostiary {
  return new Ostiary({
    url: options.url, timeout: options.timeout ?? 5_000, ...(apiKey !== undefined && { apiKey }),
    ...(options.fetch && { fetch: options.fetch }),
  });
}

/**
 * Revocations tells which sessions have ended before their tokens expire. It is the place of the server's revocation
 * feed, which this version does not have yet.
 */
export interface Revocations {
  ended(claims: Claims): boolean | Promise<boolean>;
}

/** Claims are those of an access token. */
export interface Claims {
  iss: string;
  sub: string;
  aud: string | string[];
  exp: number;
  iat: number;
  jti: string;
  sid: string;
  auth_time: number;
  amr: string[];
  gen: number;
}

export interface OfflineOptions extends Address {
  /** The `public_url` of the server; by default `url`. */
  issuer?: string;
  /** The audience of the tokens (`tokens.audience`); `ostiary` by default, as on the server. */
  audience?: string;
  /** Seconds by which the clocks may differ; 30 by default. */
  leeway?: number;
  /** Without it a token is valid until it expires, even if its session has ended. */
  revocations?: Revocations;
}

/**
 * offlineVerifier verifies access tokens with the public keys of the server, which it keeps. A revocation is not seen
 * before the token expires, and a token that can only enroll a second factor looks like any other. Permissions are not
 * in a token: `allows` asks the server. API keys are refused.
 */
export function offlineVerifier(options: OfflineOptions): Verifier {
  const keys = new KeySet(options);
  return {
    allows: permissionCheck(options),
    async verify(token, signal) {
      const claims = await claimsOf(token, keys, signal);
      check(claims, options);
      if (await options.revocations?.ended(claims)) throw refusedToken();
      return {
        userId: claims.sub, sessionId: claims.sid, expiresAt: new Date(claims.exp * 1000), username: undefined,
        role: undefined, permissions: undefined, token,
      };
    },
  };
}

async function claimsOf(token: string, keys: KeySet, signal: AbortSignal | undefined): Promise<Claims> {
  const [head, body, signature, ...rest] = token.split(".");
  if (!head || !body || !signature || rest.length > 0) throw refusedToken();
  const header = parsed(head) as { alg?: unknown; kid?: unknown; typ?: unknown; crit?: unknown };
  if (header.alg !== "EdDSA" || typeof header.kid !== "string" || header.crit !== undefined ||
    String(header.typ).toLowerCase() !== "at+jwt") throw refusedToken();
  const key = await keys.find(header.kid, signal);
  const signed = new TextEncoder().encode(`${head}.${body}`);
  if (!key || !(await crypto.subtle.verify("Ed25519", key, bytes(signature), signed))) throw refusedToken();
  return parsed(body) as Claims;
}

function check(claims: Claims, options: OfflineOptions): void {
  const now = Date.now() / 1000, leeway = options.leeway ?? 30;
  const issuer = options.issuer ?? options.url.replace(/\/+$/, "");
  const audiences: unknown[] = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
  const valid = claims.iss === issuer && audiences.includes(options.audience ?? "ostiary") &&
    typeof claims.sub === "string" && typeof claims.sid === "string" &&
    claims.exp > now - leeway && claims.iat < now + leeway;
  if (!valid) throw refusedToken();
}

/** How long a key set is kept, and how soon it is read again for an unknown key, in milliseconds. */
const kept = 300_000, pause = 10_000;

class KeySet {
  #keys = new Map<string, CryptoKey>();
  #readAt = 0;
  #reading: Promise<void> | undefined;

  constructor(private readonly options: Address) {}

  async find(kid: string, signal: AbortSignal | undefined): Promise<CryptoKey | undefined> {
    const age = Date.now() - this.#readAt;
    if (age > kept || (!this.#keys.has(kid) && age > pause)) {
      this.#reading ??= this.#read().finally(() => { this.#reading = undefined; });
      try {
        await this.#reading;
      } catch (failure) {
        if (!this.#keys.has(kid)) throw failure; // an outage does not end known keys
      }
      signal?.throwIfAborted();
    }
    return this.#keys.get(kid);
  }

  async #read(): Promise<void> {
    const { keys } = await clientOf(this.options, undefined).get("/.well-known/jwks.json");
    const found = new Map<string, CryptoKey>();
    for (const jwk of keys as (JsonWebKey & { kid?: string })[]) {
      if (jwk.kty !== "OKP" || jwk.crv !== "Ed25519" || !jwk.kid) continue;
      const { kty, crv, x } = jwk;
      const key = await crypto.subtle.importKey("jwk", { kty, crv, ...(x && { x }) }, "Ed25519", false, ["verify"]);
      found.set(jwk.kid, key);
    }
    if (found.size === 0) throw new NetworkError("The server has no key that this version can use");
    this.#keys = found;
    this.#readAt = Date.now();
  }
}

function parsed(part: string): unknown {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes(part)));
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // refused below
  }
  throw refusedToken();
}

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  if (!/^[\w-]+$/.test(base64url)) throw refusedToken();
  return Uint8Array.from(atob(base64url.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
}

function refusedToken(): UnauthorizedError {
  return new UnauthorizedError(401, { error: "unauthorized", message: "Invalid credentials" });
}

/** Refusal is the answer to a request that is not let through. Express and Hono answer it by its status and headers. */
export class Refusal extends Error {
  override name = "Refusal";
  /** Express shows the message of an error only if this is true. */
  readonly expose: boolean;

  constructor(readonly status: 401 | 403 | 503, readonly code: string, message: string, cause: unknown) {
    super(message, { cause });
    this.expose = status < 500;
  }

  get headers(): Record<string, string> {
    return this.status === 401 ? { "WWW-Authenticate": "Bearer" } : {};
  }

  /** The response, as Hono's HTTPException has it. */
  getResponse(): Response {
    return Response.json({ error: this.code, message: this.message }, { status: this.status, headers: this.headers });
  }
}

/** refusalOf returns the refusal for an error of a verification. */
export function refusalOf(failure: unknown): unknown {
  if (failure instanceof UnauthorizedError) return new Refusal(401, "unauthorized", "Invalid credentials", failure);
  if (failure instanceof ForbiddenError) return new Refusal(403, failure.code, failure.message, failure);
  if (failure instanceof OstiaryError || failure instanceof NetworkError) {
    return new Refusal(503, "unavailable", "The credentials cannot be verified now", failure);
  }
  return failure;
}

/** principalOf verifies the credential of a request: `Authorization: Bearer`, else `X-API-KEY`. */
export async function principalOf(
  verifier: Verifier, header: (name: string) => string | null | undefined, signal?: AbortSignal,
): Promise<Principal> {
  const bearer = /^Bearer +([^\s]+)$/i.exec(header("authorization") ?? "")?.[1];
  const token = bearer ?? (header("authorization") ? undefined : header("x-api-key"));
  try {
    if (!token) throw refusedToken();
    return await verifier.verify(token, signal);
  } catch (failure) {
    throw refusalOf(failure);
  }
}

/** demand refuses a principal that lacks the permission. */
export async function demand(
  verifier: Verifier, principal: Principal, permission: string, signal?: AbortSignal,
): Promise<void> {
  let allowed: boolean;
  try {
    allowed = await verifier.allows(principal, permission, signal);
  } catch (failure) {
    throw refusalOf(failure);
  }
  if (!allowed) throw new Refusal(403, "forbidden", "Insufficient permissions", undefined);
}

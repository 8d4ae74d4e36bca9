import { OstiaryError, ReauthenticationRequiredError, TwoFactorRequiredError, UnauthorizedError } from "./errors.js";
import type { components, paths } from "./schema.gen.js";
import { memoryStore, type Tokens, type TokenStore } from "./tokens.js";
import { creating, deadline, jsonOf, send, type Sent, type Transport } from "./transport.js";
import type { Args, CallOptions, Common, Item, Listed, Method, PathOf, Result } from "./types.js";

type Schemas = components["schemas"];

/** Credentials of a sign-in with a password. */
export type Credentials = Schemas["LoginRequest"];
/** The proof of a step-up. */
export type Proof = Schemas["StepUpRequest"];
/** SignedIn is the result of a sign-in. `scope` is set if the user has to enroll a second factor first. */
export type SignedIn = Pick<Schemas["LoginResult"], "session_id" | "user" | "scope">;
/** SecondFactor asks the user for a code; undefined gives up. Passkeys will be a second kind of answer. */
export type SecondFactor = (asked: TwoFactorRequiredError) => Promise<string | undefined> | string | undefined;

export interface Options {
  /** The address of the server, such as `https://id.example.com`; by default the origin of the page. */
  url?: string;
  /** Where the tokens are kept; by default in memory. */
  store?: TokenStore;
  /** An API key instead of a session, for programs. */
  apiKey?: string;
  /**
   * `cookie` leaves the session to a cookie that scripts cannot read, for pages of the server's own origin. The client
   * then holds no tokens.
   */
  carrier?: "token" | "cookie";
  /** Milliseconds for a call with its repetitions; 30,000 by default, 0 for no limit. */
  timeout?: number;
  /** How often a call is repeated where that is safe; 2 by default. */
  retries?: number;
  /** The longest `Retry-After` that is waited for, in milliseconds; 5,000 by default. A longer one is the error. */
  longestWait?: number;
  /** Asks for a proof when a call needs a recent sign-in; the call is then repeated. */
  onReauthentication?: (asked: ReauthenticationRequiredError) => Promise<Proof | undefined>;
  /** Called when the session has ended, here, in another tab or by a revocation. */
  onSignedOut?: () => void;
  fetch?: typeof globalThis.fetch;
}

// A compile-time check: `creating` has exactly the paths whose POST takes an Idempotency-Key.
type Creating = {
  [P in PathOf<"post">]: paths[P]["post"] extends { parameters: { header?: { "Idempotency-Key"?: string } } }
    ? paths[P]["post"] extends { parameters: { header?: never } } ? never : P
    : never;
}[PathOf<"post">];
creating satisfies Record<Creating, true>;

/** How long before its end an access token is refreshed, in milliseconds. */
const margin = 10_000;

/** Ostiary is a client of one server for one user or program. */
export class Ostiary {
  readonly #transport: Transport;
  readonly #store: TokenStore;
  readonly #options: Options;
  #refreshing: Promise<Tokens | undefined> | undefined;

  constructor(options: Options = {}) {
    const url = options.url ?? globalThis.location?.origin;
    if (!url) throw new TypeError("url is required outside of a page");
    this.#options = options;
    this.#store = options.store ?? memoryStore();
    this.#transport = {
      base: `${url.replace(/\/+$/, "")}/api/v1/security`,
      fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
      credentials: options.carrier === "cookie" ? "same-origin" : "omit",
      timeout: options.timeout ?? 30_000, retries: options.retries ?? 2, longestWait: options.longestWait ?? 5_000,
    };
    this.#store.onChange?.(() => void this.#changedElsewhere());
  }

  get<P extends PathOf<"get">>(path: P, ...args: Args<"get", P>): Promise<Result<"get", P>> {
    return this.#call("get", path, args[0]);
  }
  post<P extends PathOf<"post">>(path: P, ...args: Args<"post", P>): Promise<Result<"post", P>> {
    return this.#call("post", path, args[0]);
  }
  put<P extends PathOf<"put">>(path: P, ...args: Args<"put", P>): Promise<Result<"put", P>> {
    return this.#call("put", path, args[0]);
  }
  patch<P extends PathOf<"patch">>(path: P, ...args: Args<"patch", P>): Promise<Result<"patch", P>> {
    return this.#call("patch", path, args[0]);
  }
  delete<P extends PathOf<"delete">>(path: P, ...args: Args<"delete", P>): Promise<Result<"delete", P>> {
    return this.#call("delete", path, args[0]);
  }

  /** list yields the items of a list, page by page. */
  async *list<P extends Listed>(path: P, ...args: Args<"get", P>): AsyncGenerator<Item<P>, void, undefined> {
    const sent = { ...args[0] } as Sent;
    for (let cursor: string | null | undefined; cursor !== null;) {
      if (cursor !== undefined) {
        const { page: _, ...query } = sent.query ?? {};
        sent.query = { ...query, cursor };
      }
      const page = (await this.#send("get", path, sent)) as { next_cursor: string | null };
      yield* (Object.values(page).find(Array.isArray) ?? []) as Item<P>[];
      cursor = page.next_cursor;
    }
  }

  /**
   * signIn starts a session with a password. Where a second factor is required it asks `secondFactor` for a code;
   * without that function the TwoFactorRequiredError is thrown.
   */
  async signIn(credentials: Credentials, secondFactor?: SecondFactor, options: Common = {}): Promise<SignedIn> {
    let body: Credentials = credentials;
    for (;;) {
      try {
        return await this.#begin("/auth/login", body, options);
      } catch (asked) {
        if (!(asked instanceof TwoFactorRequiredError) || !secondFactor || body.two_factor_code) throw asked;
        const code = await secondFactor(asked);
        if (code === undefined) throw asked;
        body = { ...credentials, two_factor_code: code };
      }
    }
  }

  /** exchange starts a session with the one-time code that the browser brought back from a provider. */
  exchange(code: Schemas["OIDCTokenRequest"], options: Common = {}): Promise<SignedIn> {
    return this.#begin("/auth/oidc/token", code, options);
  }

  async #begin(path: string, body: object, options: Common): Promise<SignedIn> {
    const cookie = this.#options.carrier === "cookie";
    const sent: Sent = { ...options, body: cookie ? { ...body, carrier: "cookie" } : body };
    const result = (await this.#bare("post", path, sent)) as Schemas["LoginResult"];
    if (!cookie) await this.#store.set(tokensOf(result));
    const { session_id, user, scope } = result;
    return scope === undefined ? { session_id, user } : { session_id, user, scope };
  }

  /** signOut ends the session. The tokens are forgotten even if the server cannot be reached. */
  async signOut(options: Common = {}): Promise<void> {
    const tokens = await this.#store.get();
    if (!tokens && this.#options.carrier !== "cookie") return;
    await this.#store.set(undefined);
    this.#options.onSignedOut?.();
    const sent: Sent = { ...options, ...(tokens && { body: { refresh_token: tokens.refreshToken } }) };
    await this.#bare("post", "/auth/logout", sent, tokens?.accessToken);
  }

  /** stepUp renews the time of authentication of the session, for calls that need a recent sign-in. */
  stepUp(proof: Proof, options: Common = {}): Promise<Schemas["StepUpResult"]> {
    return this.#send("post", "/auth/step-up", { ...options, body: proof }) as Promise<Schemas["StepUpResult"]>;
  }

  /** accessToken returns a valid access token, for other services; undefined without a session. */
  async accessToken(): Promise<string | undefined> {
    const tokens = await this.#store.get();
    if (!tokens || tokens.expiresAt - margin > Date.now()) return tokens?.accessToken;
    return (await this.#refresh(tokens))?.accessToken;
  }

  /** call makes a call with the credentials of the client; `method` and `path` are of the document. */
  #call<M extends Method, P extends PathOf<M>>(
    method: M, path: P, options?: CallOptions<M, P>,
  ): Promise<Result<M, P>> {
    return this.#send(method, path, { ...options } as Sent) as Promise<Result<M, P>>;
  }

  async #send(method: Method, path: string, sent: Sent): Promise<unknown> {
    try {
      return await this.#authorized(method, path, sent);
    } catch (asked) {
      if (!(asked instanceof ReauthenticationRequiredError) || path === "/auth/step-up") throw asked;
      const proof = await this.#options.onReauthentication?.(asked);
      if (!proof) throw asked;
      await this.stepUp(proof);
      return this.#authorized(method, path, sent);
    }
  }

  async #authorized(method: Method, path: string, sent: Sent): Promise<unknown> {
    const used = this.#options.apiKey ?? (await this.accessToken());
    try {
      return await this.#bare(method, path, sent, used);
    } catch (refused) {
      if (!(refused instanceof UnauthorizedError) || refused.code !== "unauthorized" || this.#options.apiKey) throw refused;
      if (this.#options.carrier === "cookie") {
        this.#options.onSignedOut?.();
        throw refused;
      }
      const tokens = await this.#store.get();
      if (!used || !tokens) throw refused;
      const next = tokens.accessToken === used ? await this.#refresh(tokens) : tokens;
      if (!next) throw refused;
      return this.#bare(method, path, sent, next.accessToken);
    }
  }

  async #bare(method: string, path: string, sent: Sent, token?: string): Promise<unknown> {
    const signal = deadline(sent.signal, sent.timeout ?? this.#transport.timeout);
    const response = await send(this.#transport, method, path, sent, token && `Bearer ${token}`, signal);
    return jsonOf(response, signal);
  }

  /** refresh replaces the tokens once, for all that ask: calls of this client wait for one promise, tabs for one lock. */
  #refresh(old: Tokens): Promise<Tokens | undefined> {
    this.#refreshing ??= this.#locked(() => this.#replace(old)).finally(() => { this.#refreshing = undefined; });
    return this.#refreshing;
  }

  #locked<T>(work: () => Promise<T>): Promise<T> {
    return this.#store.lock ? this.#store.lock(work) : work();
  }

  async #replace(old: Tokens): Promise<Tokens | undefined> {
    const current = await this.#store.get();
    if (!current || current.accessToken !== old.accessToken) return current; // another tab was first
    try {
      // The server takes a refresh token again until its successor is used, so the call can be repeated.
      const sent: Sent = { body: { refresh_token: current.refreshToken }, repeatable: true };
      const result = (await this.#bare("post", "/auth/refresh", sent)) as Schemas["LoginResult"];
      const tokens = tokensOf(result);
      await this.#store.set(tokens);
      return tokens;
    } catch (failure) {
      if (!(failure instanceof OstiaryError) || failure.status !== 401) throw failure;
      await this.#store.set(undefined);
      this.#options.onSignedOut?.();
      return undefined;
    }
  }

  async #changedElsewhere(): Promise<void> {
    if (!(await this.#store.get())) this.#options.onSignedOut?.();
  }
}

function tokensOf(result: Schemas["LoginResult"]): Tokens {
  return {
    accessToken: result.access_token, refreshToken: result.refresh_token, sessionId: result.session_id,
    expiresAt: Date.now() + result.expires_in * 1000,
  };
}

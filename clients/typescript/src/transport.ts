import { errorOf, NetworkError, OstiaryError, TimeoutError } from "./errors.js";
import type { Common } from "./types.js";

/** Sent is a call without its types. */
export interface Sent extends Common {
  path?: Record<string, string>;
  query?: Record<string, unknown>;
  body?: unknown;
  /** The call may be repeated although its method is not idempotent. */
  repeatable?: boolean;
}

/** Transport are the settings of the calls. */
export interface Transport {
  base: string;
  fetch: typeof globalThis.fetch;
  credentials: RequestCredentials;
  timeout: number;
  retries: number;
  longestWait: number;
}

/** The calls that create an object, and that take an `Idempotency-Key`. A type of the client compares them. */
export const creating = {
  "/users": true, "/roles": true, "/groups": true, "/users/{user_id}/api-keys": true, "/third-party-tokens": true,
} as const;

/** addressOf fills the parameters into the path and adds the query. */
export function addressOf(base: string, path: string, sent: Sent): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(sent.path?.[name] ?? ""));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(sent.query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null) query.append(name, String(one));
    }
  }
  const text = query.toString();
  return base + filled + (text && `?${text}`);
}

/** deadline returns a signal that ends a call by its own signal or its time-out. */
export function deadline(signal: AbortSignal | undefined, timeout: number): AbortSignal | undefined {
  if (timeout <= 0) return signal;
  const late = AbortSignal.timeout(timeout);
  return signal ? AbortSignal.any([signal, late]) : late;
}

/**
 * send makes a call and repeats it where that is safe: after a failed connection or a 503 if the method is idempotent
 * or the call has an `Idempotency-Key`, after a 429 always. It waits as `Retry-After` says.
 */
export async function send(
  t: Transport, method: string, path: string, sent: Sent, authorization: string | undefined, signal?: AbortSignal,
): Promise<Response> {
  const headers = new Headers(sent.headers);
  if (authorization) headers.set("Authorization", authorization);
  if (method === "post" && path in creating) {
    headers.set("Idempotency-Key", sent.idempotencyKey ?? crypto.randomUUID());
  }
  let body: string | undefined;
  if (sent.body !== undefined) {
    body = typeof sent.body === "string" ? sent.body : JSON.stringify(sent.body);
    if (!headers.has("Content-Type")) headers.set("Content-Type", "application/json");
  }
  const request: RequestInit = { method: method.toUpperCase(), headers, credentials: t.credentials, redirect: "error" };
  if (body !== undefined) request.body = body;
  if (signal) request.signal = signal;
  const repeatable = method === "get" || method === "put" || method === "delete" ||
    sent.repeatable === true || headers.has("Idempotency-Key");
  for (let attempt = 0; ; attempt++) {
    let failure: Error;
    try {
      const response = await t.fetch(addressOf(t.base, path, sent), request);
      if (response.status < 400) return response;
      failure = await errorOf(response);
    } catch (cause) {
      failure = connectionError(cause, signal);
    }
    const wait = pause(failure, attempt);
    if (attempt >= t.retries || wait > t.longestWait || !again(failure, repeatable, signal)) throw failure;
    await sleep(wait, signal);
  }
}

function connectionError(cause: unknown, signal: AbortSignal | undefined): Error {
  if (!signal?.aborted) return new NetworkError("The service cannot be reached", { cause });
  return abortedBy(signal);
}

/** abortedBy returns a TimeoutError, or the reason of the caller's signal. */
function abortedBy(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  if (reason instanceof Error) {
    return reason.name === "TimeoutError" ? new TimeoutError("The call took too long", { cause: reason }) : reason;
  }
  return new DOMException(String(reason), "AbortError");
}

function again(failure: Error, repeatable: boolean, signal: AbortSignal | undefined): boolean {
  if (signal?.aborted) return false;
  if (failure instanceof OstiaryError) return failure.status === 429 || (failure.status === 503 && repeatable);
  return failure instanceof NetworkError && repeatable;
}

function pause(failure: Error, attempt: number): number {
  const after = failure instanceof OstiaryError ? failure.retryAfter : undefined;
  return after === undefined ? 200 * 2 ** attempt * (0.5 + Math.random() / 2) : after * 1000;
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(abortedBy(signal as AbortSignal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** jsonOf reads the JSON of a successful response. */
export async function jsonOf(response: Response, signal: AbortSignal | undefined): Promise<unknown> {
  if (response.status === 204 || response.status === 304) return undefined;
  const type = response.headers.get("content-type") ?? "";
  try {
    return await (type.startsWith("application/json") ? response.json() : response.text());
  } catch (cause) {
    throw connectionError(cause, signal);
  }
}

/** Middleware for Hono, and for handlers of the form `(request: Request) => Response`. */
import { demand, principalOf, Refusal, type Principal, type Verifier } from "./server.js";

interface Context {
  req: { raw: Request };
  get(key: "principal"): unknown;
  set(key: "principal", value: Principal): void;
}
type Middleware = (c: Context, next: () => Promise<void>) => Promise<void>;

/** authenticate sets the variable `principal` of Hono's context. A refusal is thrown: `app.onError` sees it. */
export function authenticate(verifier: Verifier): Middleware {
  return async (c, next) => {
    c.set("principal", await ofRequest(verifier, c.req.raw));
    await next();
  };
}

/** requires refuses with 403 who lacks the permission, and with 401 who is not signed in. */
export function requires(verifier: Verifier, permission: string): Middleware {
  return async (c, next) => {
    let principal = c.get("principal") as Principal | undefined;
    if (!principal) {
      principal = await ofRequest(verifier, c.req.raw);
      c.set("principal", principal);
    }
    await demand(verifier, principal, permission, c.req.raw.signal);
    await next();
  };
}

/** protect makes a handler of requests with valid credentials, and with the permission if one is given. */
export function protect(
  verifier: Verifier, handler: (request: Request, principal: Principal) => Response | Promise<Response>,
  permission?: string,
): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      const principal = await ofRequest(verifier, request);
      if (permission !== undefined) await demand(verifier, principal, permission, request.signal);
      return await handler(request, principal);
    } catch (failure) {
      if (failure instanceof Refusal) return failure.getResponse();
      throw failure;
    }
  };
}

function ofRequest(verifier: Verifier, request: Request): Promise<Principal> {
  return principalOf(verifier, (name) => request.headers.get(name), request.signal);
}

/** Middleware for Express 4 and 5. A refusal goes to the error handlers of the application, with status and headers. */
import { demand, principalOf, type Principal, type Verifier } from "./server.js";

interface Request {
  headers: Record<string, string | string[] | undefined>;
  principal?: Principal;
}
type Next = (failure?: unknown) => void;
type Middleware = (req: Request, res: unknown, next: Next) => void;

/** authenticate sets `req.principal`. Without valid credentials the request is refused with 401. */
export function authenticate(verifier: Verifier): Middleware {
  return (req, _res, next) => {
    const header = (name: string): string | undefined => {
      const value = req.headers[name];
      return Array.isArray(value) ? value[0] : value;
    };
    principalOf(verifier, header).then((principal) => {
      req.principal = principal;
      next();
    }, next);
  };
}

/** requires refuses with 403 who lacks the permission, and with 401 who is not signed in. */
export function requires(verifier: Verifier, permission: string): Middleware {
  const signedIn = authenticate(verifier);
  return (req, res, next) => {
    const go: Next = (failure) => {
      if (failure || !req.principal) return next(failure);
      demand(verifier, req.principal, permission).then(() => next(), next);
    };
    if (req.principal) go();
    else signedIn(req, res, go);
  };
}

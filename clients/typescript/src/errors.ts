/** The error body of the API. */
export interface ErrorBody {
  error: string;
  message: string;
  request_id?: string;
  details?: { field: string; reason: string }[];
  [member: string]: unknown;
}

/** OstiaryError is an error response of the API. `code` is stable; `message` is for humans. */
export class OstiaryError extends Error {
  readonly code: string;
  readonly requestId: string | undefined;
  /** The invalid fields of the request. */
  readonly details: { field: string; reason: string }[];
  /** Seconds to wait before a retry. */
  readonly retryAfter: number | undefined;

  constructor(readonly status: number, readonly body: ErrorBody, headers?: Headers) {
    super(body.message);
    this.name = new.target.name;
    this.code = body.error;
    this.requestId = body.request_id ?? headers?.get("x-request-id") ?? undefined;
    this.details = body.details ?? [];
    const wait = Number(headers?.get("retry-after") || NaN);
    this.retryAfter = Number.isFinite(wait) ? wait : undefined;
  }
}

/** 400: the request is invalid; `details` names the fields. */
export class InvalidRequestError extends OstiaryError {}
/** 400: the password breaks the policy; `details` names the rules. */
export class PasswordPolicyError extends InvalidRequestError {}
/** 400: the current password is wrong. */
export class InvalidCurrentPasswordError extends InvalidRequestError {}
/** 400: the token of an e-mail, a link or a redirect is invalid, used or expired. */
export class InvalidTokenError extends InvalidRequestError {}
/** 401: the credentials are missing or wrong, or the session has ended. */
export class UnauthorizedError extends OstiaryError {}
/** 401: the password is right and a second factor is required. */
export class TwoFactorRequiredError extends UnauthorizedError {
  get methods(): string[] { return (this.body["methods"] as string[] | undefined) ?? []; }
}
/** 400 or 401: the code of the second factor is wrong or used. */
export class InvalidTwoFactorCodeError extends OstiaryError {}
/** 403: the permissions do not suffice. */
export class ForbiddenError extends OstiaryError {}
/** 403: the user has to enroll a second factor first. */
export class TwoFactorEnrollmentRequiredError extends ForbiddenError {}
/** 403: the sign-in is too old; `Ostiary.stepUp` renews it. */
export class ReauthenticationRequiredError extends ForbiddenError {
  get methods(): string[] { return (this.body["methods"] as string[] | undefined) ?? []; }
  /** Where a user of a provider signs in again. */
  get loginUrl(): string | undefined { return this.body["login_url"] as string | undefined; }
}
/** 403: the password has expired; `changeToken` sets a new one. */
export class PasswordExpiredError extends ForbiddenError {
  get changeToken(): string | undefined { return this.body["change_token"] as string | undefined; }
}
/** 404: the object does not exist, or the caller may not see it. */
export class NotFoundError extends OstiaryError {}
/** 409: the request conflicts with the current state; `code` says how. */
export class ConflictError extends OstiaryError {}
/** 412: the object has changed since it was read. */
export class PreconditionFailedError extends OstiaryError {}
/** 423: too many failed attempts. */
export class AccountLockedError extends OstiaryError {
  /** Undefined if the directory of the user does not report it. */
  get lockedUntil(): Date | undefined {
    const at = this.body["locked_until"];
    return typeof at === "string" ? new Date(at) : undefined;
  }
}
/** 429: too many requests; see `retryAfter`. */
export class RateLimitedError extends OstiaryError {}
/** 500 or 503: the service failed or cannot answer now. */
export class UnavailableError extends OstiaryError {}
/** No response: the connection failed, or the answer is not from the API. */
export class NetworkError extends Error {
  override name = "NetworkError";
}
/** The call took longer than its time-out. */
export class TimeoutError extends NetworkError {
  override name = "TimeoutError";
}

type ErrorClass = new (status: number, body: ErrorBody, headers?: Headers) => OstiaryError;

const byCode: Record<string, ErrorClass> = {
  password_policy: PasswordPolicyError,
  invalid_current_password: InvalidCurrentPasswordError,
  invalid_token: InvalidTokenError,
  two_factor_required: TwoFactorRequiredError,
  invalid_two_factor_code: InvalidTwoFactorCodeError,
  two_factor_enrollment_required: TwoFactorEnrollmentRequiredError,
  reauthentication_required: ReauthenticationRequiredError,
  password_expired: PasswordExpiredError,
};
const byStatus: Record<number, ErrorClass> = {
  400: InvalidRequestError, 401: UnauthorizedError, 403: ForbiddenError, 404: NotFoundError, 409: ConflictError,
  412: PreconditionFailedError, 423: AccountLockedError, 429: RateLimitedError, 500: UnavailableError,
  503: UnavailableError,
};

/** errorOf returns the error of a response of status 400 or more. */
export async function errorOf(response: Response): Promise<OstiaryError | NetworkError> {
  let body: unknown;
  try {
    body = await response.json();
  } catch (cause) {
    return new NetworkError(`The response has status ${response.status} and no error of the API`, { cause });
  }
  if (typeof body !== "object" || body === null || !("error" in body)) {
    return new NetworkError(`The response has status ${response.status} and no error of the API`);
  }
  const known = body as ErrorBody;
  const kind = byCode[known.error] ?? byStatus[response.status] ?? OstiaryError;
  return new kind(response.status, known, response.headers);
}

import type { paths } from "./schema.gen.js";

export type Method = "get" | "post" | "put" | "patch" | "delete";

type Json<R> = R extends { content: { "application/json": infer T } } ? T : undefined;
type Responses<O> = O extends { responses: infer R } ? R : never;

/** PathOf are the paths that have the method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never;
}[keyof paths];

/** Operation is what the document says of a method of a path. */
export type Operation<M extends Method, P extends PathOf<M>> = M extends keyof paths[P] ? paths[P][M] : never;

/** Result is the JSON of a successful response. */
export type Result<M extends Method, P extends PathOf<M>> = {
  [S in 200 | 201 | 202]: S extends keyof Responses<Operation<M, P>> ? Json<Responses<Operation<M, P>>[S]> : never;
}[200 | 201 | 202];

type Content<O> = O extends { requestBody?: infer B }
  ? NonNullable<B> extends { content: { "application/json": infer T } }
    ? T
    : NonNullable<B> extends { content: Record<string, infer T> } ? T | string : never
  : never;

/** Body is the JSON body that a call takes. */
export type Body<M extends Method, P extends PathOf<M>> = Content<Operation<M, P>>;

type Params<M extends Method, P extends PathOf<M>, In extends string> =
  Operation<M, P> extends { parameters: { [K in In]?: infer T } } ? Exclude<T, undefined> : never;
type RequiredParams<M extends Method, P extends PathOf<M>, In extends string> =
  Operation<M, P> extends { parameters: { [K in In]: infer T } } ? Exclude<T, undefined> : never;

type PathPart<M extends Method, P extends PathOf<M>> =
  [RequiredParams<M, P, "path">] extends [never] ? { path?: never } : { path: RequiredParams<M, P, "path"> };
type QueryPart<M extends Method, P extends PathOf<M>> = [Params<M, P, "query">] extends [never]
  ? { query?: never }
  : {} extends Params<M, P, "query"> ? { query?: Params<M, P, "query"> } : { query: Params<M, P, "query"> };
type BodyPart<M extends Method, P extends PathOf<M>> = [Body<M, P>] extends [never]
  ? { body?: never }
  : Operation<M, P> extends { requestBody: object } ? { body: Body<M, P> } : { body?: Body<M, P> };

/** Common are the options of every call. */
export interface Common {
  /** Ends the call. */
  signal?: AbortSignal;
  /** Milliseconds for the call with its repetitions, instead of that of the client; 0 for no limit. */
  timeout?: number;
  headers?: Record<string, string>;
  /** The `Idempotency-Key` of a call that creates an object; by default the client chooses one. */
  idempotencyKey?: string;
}

/** CallOptions are what a call takes, by the document. */
export type CallOptions<M extends Method, P extends PathOf<M>> =
  Common & PathPart<M, P> & QueryPart<M, P> & BodyPart<M, P>;

/** Args makes the options optional where nothing in them is required. */
export type Args<M extends Method, P extends PathOf<M>> =
  {} extends CallOptions<M, P> ? [options?: CallOptions<M, P>] : [options: CallOptions<M, P>];

/** Listed are the paths that return a list in pages. */
export type Listed = {
  [P in PathOf<"get">]: Result<"get", P> extends { next_cursor: string | null } ? P : never;
}[PathOf<"get">];

/** Item is an element of a list. */
export type Item<P extends Listed> = {
  [K in keyof Result<"get", P>]: Result<"get", P>[K] extends (infer T)[] ? T : never;
}[keyof Result<"get", P>];

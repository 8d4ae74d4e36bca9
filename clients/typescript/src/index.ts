/**
 * A client of the Ostiary Security API for browsers and Node.js.
 *
 * `Ostiary` signs users in, keeps their session and makes typed calls. Its types come from the OpenAPI document.
 */
export { Ostiary } from "./ostiary.js";
export type { Credentials, Options, Proof, SecondFactor, SignedIn } from "./ostiary.js";
export { memoryStore, storageStore } from "./tokens.js";
export type { Tokens, TokenStore } from "./tokens.js";
export type { Body, CallOptions, Item, Listed, Method, PathOf, Result } from "./types.js";
export type { components, operations, paths } from "./schema.gen.js";
export * from "./errors.js";

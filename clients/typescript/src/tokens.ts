/** Tokens are those of one session. */
export interface Tokens {
  accessToken: string;
  refreshToken: string;
  /** When the access token expires, in milliseconds since 1970 by the clock of this machine. */
  expiresAt: number;
  sessionId: string;
}

/** A TokenStore keeps the tokens of one session. Write one to keep them elsewhere. */
export interface TokenStore {
  get(): Tokens | undefined | Promise<Tokens | undefined>;
  /** Stores the tokens; undefined removes them. */
  set(tokens: Tokens | undefined): void | Promise<void>;
  /** Runs work while no other tab or process that shares the store runs its own. */
  lock?<T>(work: () => Promise<T>): Promise<T>;
  /** Calls back after another tab or process has changed the tokens, and returns how to stop that. */
  onChange?(changed: () => void): () => void;
}

/** memoryStore keeps the tokens until the page or program ends. Scripts of other origins cannot read them. */
export function memoryStore(tokens?: Tokens): TokenStore {
  return { get: () => tokens, set: (next) => { tokens = next; } };
}

/**
 * storageStore keeps the tokens in `localStorage` or `sessionStorage`, where every script of the page can read them.
 * Tabs share one session: only one of them refreshes at a time (Web Locks), and all see a sign-out.
 */
export function storageStore(storage: Storage = localStorage, key = "ostiary"): TokenStore {
  return {
    get() {
      const text = storage.getItem(key);
      return text === null ? undefined : (JSON.parse(text) as Tokens);
    },
    set(tokens) {
      if (tokens) storage.setItem(key, JSON.stringify(tokens));
      else storage.removeItem(key);
    },
    lock: (work) => webLock(`ostiary:${key}`, work),
    onChange(changed) {
      const listen = (e: StorageEvent): void => {
        if (e.storageArea === storage && (e.key === key || e.key === null)) changed();
      };
      addEventListener("storage", listen);
      return () => removeEventListener("storage", listen);
    },
  };
}

/** webLock runs work under a lock of the origin; without Web Locks (plain HTTP) it runs it at once. */
export function webLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  const locks = globalThis.navigator?.locks as LockManager | undefined;
  return locks ? (locks.request(name, work) as Promise<T>) : work();
}

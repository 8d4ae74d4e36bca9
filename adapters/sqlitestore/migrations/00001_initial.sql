-- +goose Up

-- Each thing is a JSON document, with the columns beside it that queries need. Times in columns are microseconds since 1970,
-- 0 for none, unless the column's name says otherwise.

-- A user's n is the millisecond of creation times 1024, plus a counter for those of the same millisecond: the order of
-- creation is the order of the table itself, and of every index among equals.
CREATE TABLE users (
    n           INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL UNIQUE,
    identifier  TEXT    NOT NULL,
    username    TEXT    NOT NULL UNIQUE,
    email       TEXT    NOT NULL,
    directory   TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    cell        INTEGER NOT NULL,
    last_login  INTEGER NOT NULL,
    search_text TEXT    NOT NULL,
    doc         TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX users_identifier ON users (identifier) WHERE identifier <> '';
CREATE UNIQUE INDEX users_email_unique ON users (email) WHERE email <> '';
CREATE UNIQUE INDEX users_subject ON users (directory, subject) WHERE subject <> '';
CREATE INDEX users_email ON users (email);
CREATE INDEX users_cell ON users (cell);
CREATE INDEX users_cell_username ON users (cell, username);
CREATE INDEX users_cell_email ON users (cell, email);
CREATE INDEX users_cell_last_login ON users (cell, last_login);

-- A cell is one combination of what the list filters by. The counts make every total of theirs exact without counting.
CREATE TABLE user_cells (
    cell      INTEGER PRIMARY KEY,
    role      TEXT    NOT NULL,
    status    TEXT    NOT NULL,
    directory TEXT    NOT NULL,
    users     INTEGER NOT NULL,
    UNIQUE (role, status, directory)
) STRICT;

CREATE TABLE group_members (
    group_id TEXT    NOT NULL,
    n        INTEGER NOT NULL,
    PRIMARY KEY (group_id, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE group_sizes (
    group_id TEXT    NOT NULL PRIMARY KEY,
    members  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The search index knows the pieces of one, two and three characters of each user's search text, and their cell and groups.
-- Adding to it one at a time is slow, so changed users wait in search_pending until there are enough of them; stale ones are
-- in the index as well.
CREATE VIRTUAL TABLE user_search USING fts5 (
    pieces, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);
CREATE TABLE search_pending (
    n     INTEGER PRIMARY KEY,
    stale INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id                TEXT    NOT NULL UNIQUE,
    user_id           TEXT    NOT NULL,
    created           INTEGER NOT NULL,
    expires           INTEGER NOT NULL,
    listed            INTEGER NOT NULL,
    last_activity_ns  INTEGER NOT NULL,
    provider          TEXT    NOT NULL,
    provider_subject  TEXT    NOT NULL,
    provider_session  TEXT    NOT NULL,
    grant_checked     INTEGER,
    doc               TEXT    NOT NULL
) STRICT;
CREATE INDEX sessions_user ON sessions (user_id, created);
CREATE INDEX sessions_expires ON sessions (expires);
CREATE INDEX sessions_unlisted ON sessions (created) WHERE listed = 0;
CREATE INDEX sessions_provider_subject ON sessions (provider, provider_subject) WHERE provider <> '';
CREATE INDEX sessions_provider_session ON sessions (provider, provider_session) WHERE provider <> '';
CREATE INDEX sessions_grant ON sessions (grant_checked) WHERE grant_checked IS NOT NULL;

CREATE TABLE api_keys (
    id           TEXT    NOT NULL UNIQUE,
    user_id      TEXT    NOT NULL,
    created      INTEGER NOT NULL,
    revoked      INTEGER NOT NULL,
    last_used_ns INTEGER NOT NULL,
    doc          TEXT    NOT NULL
) STRICT;
CREATE INDEX api_keys_user ON api_keys (user_id, created);

CREATE TABLE third_party_tokens (
    id      TEXT    NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    doc     TEXT    NOT NULL
) STRICT;
CREATE INDEX third_party_tokens_created ON third_party_tokens (created);

-- Every change of a role, a group or the settings raises the catalog's version.
CREATE TABLE catalog (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL
) STRICT;
CREATE TABLE roles (
    id         TEXT NOT NULL UNIQUE,
    identifier TEXT NOT NULL,
    doc        TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX roles_identifier ON roles (identifier) WHERE identifier <> '';
CREATE TABLE groups (
    id   TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    doc  TEXT NOT NULL
) STRICT;
CREATE TABLE settings (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    doc TEXT NOT NULL
) STRICT;

CREATE TABLE admin_guard (
    user_id TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
    account TEXT    NOT NULL PRIMARY KEY,
    expires INTEGER NOT NULL,
    doc     TEXT    NOT NULL
) STRICT;
CREATE INDEX attempts_expires ON attempts (expires);

CREATE TABLE rates (
    key     TEXT    NOT NULL PRIMARY KEY,
    expires INTEGER NOT NULL,
    taken   BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX rates_expires ON rates (expires);

CREATE TABLE once (
    key     TEXT    NOT NULL PRIMARY KEY,
    expires INTEGER NOT NULL,
    value   BLOB    NOT NULL
) STRICT;
CREATE INDEX once_expires ON once (expires);

CREATE TABLE idempotency (
    key     TEXT    NOT NULL PRIMARY KEY,
    expires INTEGER NOT NULL,
    doc     TEXT    NOT NULL
) STRICT;
CREATE INDEX idempotency_expires ON idempotency (expires);

CREATE TABLE messages (
    id      TEXT    NOT NULL UNIQUE,
    user_id TEXT    NOT NULL,
    due     INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    doc     TEXT    NOT NULL
) STRICT;
CREATE INDEX messages_due ON messages (due);
CREATE INDEX messages_user ON messages (user_id);
CREATE INDEX messages_expires ON messages (expires);

CREATE TABLE signing_set (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL
) STRICT;
CREATE TABLE signing_keys (
    place INTEGER PRIMARY KEY,
    doc   TEXT    NOT NULL
) STRICT;

-- A kind is an action with its success; the counts make totals by them exact without counting.
CREATE TABLE audit_kinds (
    kind    INTEGER PRIMARY KEY,
    action  TEXT    NOT NULL,
    success INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    UNIQUE (action, success)
) STRICT;

-- The public part of an entry is never written again; what names a person stands apart with the salts of its commitments, so
-- that a purge can erase it. Places have no gaps and are never given twice.
CREATE TABLE audit_entries (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    at            INTEGER NOT NULL,
    kind          INTEGER NOT NULL,
    user_id       TEXT    NOT NULL,
    ip            TEXT    NOT NULL,
    request_id    TEXT    NOT NULL,
    target        TEXT    NOT NULL,
    user_agent    TEXT    NOT NULL,
    public        TEXT    NOT NULL,
    actor_salt    BLOB,
    personal      TEXT,
    personal_salt BLOB
) STRICT;
CREATE INDEX audit_at ON audit_entries (at);
CREATE INDEX audit_kind ON audit_entries (kind, at);
CREATE INDEX audit_user ON audit_entries (user_id, at);
CREATE INDEX audit_user_kind ON audit_entries (user_id, kind, at);
CREATE INDEX audit_ip ON audit_entries (ip, at);
CREATE INDEX audit_ip_kind ON audit_entries (ip, kind, at);
CREATE INDEX audit_user_ip ON audit_entries (user_id, ip, at, kind);
CREATE INDEX audit_request ON audit_entries (request_id, at) WHERE request_id <> '';
CREATE INDEX audit_target ON audit_entries (target) WHERE personal IS NOT NULL;

CREATE TABLE audit_segments (
    number    INTEGER PRIMARY KEY,
    first     INTEGER NOT NULL,
    count     INTEGER NOT NULL,
    previous  BLOB    NOT NULL,
    root      BLOB    NOT NULL,
    sealed    TEXT    NOT NULL,
    sealed_at INTEGER NOT NULL,
    key_id    TEXT    NOT NULL,
    signature BLOB    NOT NULL,
    leaves    BLOB
) STRICT;
CREATE INDEX audit_segments_first ON audit_segments (first);
CREATE INDEX audit_segments_sealed ON audit_segments (sealed_at);
CREATE TABLE audit_seal_key (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    sealed BLOB    NOT NULL
) STRICT;

-- +goose Up
-- Where each directory's scheduled synchronization goes on.
CREATE TABLE sync_positions (
    directory TEXT NOT NULL PRIMARY KEY,
    doc       TEXT NOT NULL
) STRICT;

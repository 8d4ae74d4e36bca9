-- +goose Up
-- The Merkle tree of the audit log after a segment: its size, and its subtree roots. A segment of before has none.
ALTER TABLE audit_segments ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
ALTER TABLE audit_segments ADD COLUMN tree BLOB;

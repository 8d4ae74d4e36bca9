-- +goose Up
-- Of the service that wrote the entry, under a key that is not here; counts until the entry is sealed.
ALTER TABLE audit_entries ADD COLUMN mark BLOB;

-- +goose Up
-- The pages of a user's API keys: those that are not revoked and of the user's present epoch, in the order of creation.
CREATE INDEX api_keys_live ON api_keys (user_id, ifnull(json_extract(doc, '$.epoch'), 0), created, id) WHERE revoked = 0;

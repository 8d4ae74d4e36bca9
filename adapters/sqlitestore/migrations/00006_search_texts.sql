-- +goose Up

-- A search for a long term compares the texts of the users that have its rarest pieces. This table has the texts close
-- together: reading them among the documents takes twice the time.
CREATE TABLE user_texts (
    n           INTEGER PRIMARY KEY,
    search_text TEXT NOT NULL
) STRICT;
INSERT INTO user_texts (n, search_text) SELECT n, search_text FROM users;
-- +goose StatementBegin
CREATE TRIGGER user_texts_insert AFTER INSERT ON users BEGIN
    INSERT INTO user_texts (n, search_text) VALUES (new.n, new.search_text);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER user_texts_update AFTER UPDATE OF search_text ON users BEGIN
    UPDATE user_texts SET search_text = new.search_text WHERE n = new.n;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER user_texts_delete AFTER DELETE ON users BEGIN
    DELETE FROM user_texts WHERE n = old.n;
END;
-- +goose StatementEnd

-- Users whose search text does not contain their username and email address. There should be none: a search may find the
-- users whose name begins with a term by the order of names.
CREATE INDEX users_other_text ON users (n) WHERE instr(search_text, username) = 0 OR instr(search_text, email) = 0;

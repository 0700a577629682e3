-- Every promise that a schema can keep is kept here, so that no code path, now or later, can break it.
-- STRICT: SQLite would otherwise store a value of any type in any column.

-- A sign-up of POST /sign-up: a name and a password within an application's namespace.
CREATE TABLE users (
    -- AUTOINCREMENT: the id of a deleted user must never come to mean another.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- 1 to 128 visible ASCII characters.
    client_id TEXT NOT NULL CHECK (length(client_id) BETWEEN 1 AND 128 AND client_id NOT GLOB '*[^!-~]*'),
    -- As the user wrote it, in NFC.
    username TEXT NOT NULL CHECK (length(username) BETWEEN 1 AND 254),
    -- Its NFKC_Casefold form: what makes two names the same.
    username_key TEXT NOT NULL CHECK (length(username_key) > 0),
    -- A PHC string; the GLOB keeps a clear-text password or another algorithm out.
    password_hash TEXT NOT NULL CHECK (password_hash GLOB '$argon2id$v=19$m=*,t=*,p=*$*$*'),
    -- The Idempotency-Key of the request that made the row, or that request's id: a repeat finds its own row by it.
    request_key TEXT NOT NULL CHECK (length(request_key) BETWEEN 1 AND 255 AND request_key NOT GLOB '*[^!-~]*'),
    -- Seconds since 1970, UTC.
    created_at INTEGER NOT NULL DEFAULT (unixepoch())
) STRICT;

CREATE UNIQUE INDEX users_name ON users (client_id, username_key);

-- A sign-up of POST /users/: a name, unique over the whole service.
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 254),
    name_key TEXT NOT NULL CHECK (length(name_key) > 0),
    privacy TEXT NOT NULL CHECK (privacy IN ('Public', 'Private')),
    request_key TEXT NOT NULL CHECK (length(request_key) BETWEEN 1 AND 255 AND request_key NOT GLOB '*[^!-~]*'),
    created_at INTEGER NOT NULL DEFAULT (unixepoch())
) STRICT;

CREATE UNIQUE INDEX accounts_name ON accounts (name_key);

-- The applications that may sign users up, where the setting CLIENTS says that only they may.
-- `make client` fills it; `users.client_id` does not refer to it, because without the setting any id is good.
CREATE TABLE clients (
    -- What a sign-up names: 1 to 128 visible ASCII characters, as in `users`.
    id TEXT NOT NULL PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 128 AND id NOT GLOB '*[^!-~]*'),
    -- Whose it is, for the operator alone.
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 254),
    -- The origins whose pages may use the id, as browsers write them, such as https://app.example, parted
    -- by single spaces; none: any page may. They are compared as text, so what could never be equal is
    -- kept out: an upper-case letter, a slash at the end, a * or a name without its scheme.
    origins TEXT NOT NULL DEFAULT '' CHECK (
        origins NOT GLOB '*[^!-~ ]*'
        AND origins NOT GLOB '*[*A-Z]*'
        AND ' ' || origins NOT GLOB '* [^a-z]*'
        AND origins || ' ' NOT GLOB '*[/ ] *'
    ),
    created_at INTEGER NOT NULL DEFAULT (unixepoch()),
    -- Since when its sign-ups are refused; a row is never deleted, so that an id never comes to mean another.
    disabled_at INTEGER
-- Rows are kept in the order of the id: no index beside the table.
) STRICT, WITHOUT ROWID;

-- The names that wait. `UPDATE waiting SET is_admitted = 1 WHERE username = '…'` admits one.
CREATE TABLE waiting (
    client_id TEXT NOT NULL,
    username TEXT NOT NULL,
    since INTEGER NOT NULL DEFAULT (unixepoch()),
    is_admitted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (client_id, username)
) STRICT, WITHOUT ROWID;

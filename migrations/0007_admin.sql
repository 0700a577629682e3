-- The tables of the admin Worker. The public Worker neither reads nor writes them.

-- The hash that a user brought along from another system, as it came. `users.password_hash` then has a hash that no
-- password matches, so a program that knows only Argon2id refuses the user and stores nothing wrong.
CREATE TABLE imported_hashes (
    user_id INTEGER PRIMARY KEY,
    -- The forms that are known. A clear-text password has none of them.
    hash TEXT NOT NULL CHECK (
        length(hash) BETWEEN 20 AND 512
        AND hash NOT GLOB '*[^!-~]*'
        AND (
            hash GLOB '$argon2[id]*$*$*'
            OR hash GLOB 'argon2$argon2*$*$*'
            OR hash GLOB '$2[abxy]$[0-3][0-9]$*'
            OR hash GLOB 'bcrypt*$$2[abxy]$[0-3][0-9]$*'
            OR hash GLOB '$bcrypt-sha256$*$*$*'
            OR hash GLOB '$scrypt$*$*$*'
            OR hash GLOB 'scrypt$*$*$*$*$*'
            OR hash GLOB '$pbkdf2*$*$*$*'
            OR hash GLOB 'pbkdf2_sha*$*$*$*'
            OR hash GLOB '$firebase-scrypt$*$*$*'
        )
    )
) STRICT;

-- A new password, and the erasure of the user, make the imported hash void.
CREATE TRIGGER imported_hashes_replaced AFTER UPDATE OF password_hash ON users
BEGIN
    DELETE FROM imported_hashes WHERE user_id = NEW.id;
END;

CREATE TRIGGER imported_hashes_erased AFTER DELETE ON users
BEGIN
    DELETE FROM imported_hashes WHERE user_id = OLD.id;
END;

-- Each change that an operator made. It holds neither a name nor a password nor a hash, and is never changed.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Seconds since 1970, UTC.
    at INTEGER NOT NULL DEFAULT (unixepoch()),
    -- The e-mail that Cloudflare Access vouched for, or the name of the token.
    actor TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 254),
    action TEXT NOT NULL CHECK (action GLOB '[a-z]*' AND action NOT GLOB '*[^a-z_]*'),
    -- The id of the user, account or client, the address or the range, or how many rows there were.
    subject TEXT NOT NULL CHECK (length(subject) BETWEEN 1 AND 128)
) STRICT;

CREATE TRIGGER audit_stays BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'an entry of the audit stays as it is');
END;

-- The sign-ups of each hour and client, counted when somebody asks for statistics: a sign-up writes nothing for them.
-- The erasure of a user leaves the count as it is, because the sign-up did happen.
CREATE TABLE sign_ups (
    -- 'users' or 'accounts'; accounts have no client.
    kind TEXT NOT NULL CHECK (kind IN ('users', 'accounts')),
    -- Hours since 1970, UTC.
    hour INTEGER NOT NULL,
    client_id TEXT NOT NULL,
    count INTEGER NOT NULL CHECK (count > 0),
    PRIMARY KEY (kind, hour, client_id)
) STRICT, WITHOUT ROWID;

-- The last row of each table that `sign_ups` counts. A later row has a higher id.
CREATE TABLE counted (
    kind TEXT PRIMARY KEY CHECK (kind IN ('users', 'accounts')),
    id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counted (kind, id) VALUES ('users', 0), ('accounts', 0);

-- A row that is erased before it was counted is counted now.
CREATE TRIGGER users_counted AFTER DELETE ON users WHEN OLD.id > (SELECT id FROM counted WHERE kind = 'users')
BEGIN
    INSERT INTO sign_ups (kind, hour, client_id, count) VALUES ('users', OLD.created_at / 3600, OLD.client_id, 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER accounts_counted AFTER DELETE ON accounts
WHEN OLD.id > (SELECT id FROM counted WHERE kind = 'accounts')
BEGIN
    INSERT INTO sign_ups (kind, hour, client_id, count) VALUES ('accounts', OLD.created_at / 3600, '', 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
END;

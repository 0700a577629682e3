-- Events: a sign-up, an erasure or a new password is told to the endpoints that want it (docs/events.md). The database
-- writes an event in the same statement as the change, so neither exists without the other. Without an endpoint, a
-- sign-up writes nothing more.

-- The endpoints. The first database has them.
CREATE TABLE webhooks (
    id TEXT NOT NULL PRIMARY KEY CHECK (id GLOB 'wh_*' AND length(id) BETWEEN 8 AND 64),
    url TEXT NOT NULL CHECK (length(url) BETWEEN 8 AND 2000),
    -- The types of events, separated by spaces.
    types TEXT NOT NULL CHECK (length(types) > 0),
    -- Only the events of this client; empty for all.
    client_id TEXT NOT NULL,
    -- The keys that sign, encrypted: the newest first, separated by spaces.
    keys TEXT NOT NULL,
    -- Until when the older keys sign too.
    rotated_until INTEGER,
    created_at INTEGER NOT NULL DEFAULT (unixepoch()),
    disabled_at INTEGER,
    disabled_because TEXT,
    -- Since when every delivery fails.
    failing_since INTEGER,
    -- Until when the endpoint gets nothing, because it asked for less.
    paused_until INTEGER
) STRICT, WITHOUT ROWID;

-- The same endpoints, as the triggers need them. Every database has all of them.
CREATE TABLE subscriptions (
    type TEXT NOT NULL,
    client_id TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    PRIMARY KEY (type, client_id, webhook_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The `webhook-id` of every try.
    message_id TEXT NOT NULL DEFAULT ('msg_' || lower(hex(randomblob(16)))),
    type TEXT NOT NULL,
    -- The id of the user or the account.
    subject INTEGER NOT NULL,
    -- The client of the user; empty for an account.
    client_id TEXT NOT NULL,
    -- The member `data` of the body, as JSON.
    data TEXT NOT NULL CHECK (json_valid(data)),
    created_at INTEGER NOT NULL DEFAULT (unixepoch())
) STRICT;

CREATE INDEX events_subject ON events (subject);

CREATE TABLE deliveries (
    webhook_id TEXT NOT NULL,
    event_id INTEGER NOT NULL,
    -- When the next try is due, in seconds since 1970; NULL after a delivery and after the last try.
    due_at INTEGER DEFAULT (unixepoch()),
    -- Until when a deliverer has the event.
    leased_until INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    tried_at INTEGER,
    -- The HTTP status of the last answer; 0 without an answer.
    status INTEGER,
    delivered_at INTEGER,
    PRIMARY KEY (event_id, webhook_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX deliveries_due ON deliveries (webhook_id, due_at) WHERE due_at IS NOT NULL;

-- Each event goes to the endpoints that want it.
CREATE TRIGGER events_fan_out AFTER INSERT ON events
BEGIN
    INSERT OR IGNORE INTO deliveries (event_id, webhook_id)
    SELECT NEW.id, webhook_id FROM subscriptions
    WHERE type = NEW.type AND client_id IN ('', NEW.client_id);
END;

CREATE TRIGGER events_deleted AFTER DELETE ON events
BEGIN
    DELETE FROM deliveries WHERE event_id = OLD.id;
END;

-- An import stores users under request keys of its own form, which no client can choose.
CREATE TRIGGER users_event AFTER INSERT ON users
WHEN EXISTS (
    SELECT 1 FROM subscriptions
    WHERE type = iif(NEW.request_key GLOB 'request-id:import:*', 'user.imported', 'user.created')
    AND client_id IN ('', NEW.client_id)
)
BEGIN
    INSERT INTO events (type, subject, client_id, data) VALUES (
        iif(NEW.request_key GLOB 'request-id:import:*', 'user.imported', 'user.created'),
        NEW.id,
        NEW.client_id,
        json_object(
            'id', NEW.id, 'client_id', NEW.client_id, 'username', NEW.username,
            'created_at', strftime('%Y-%m-%dT%H:%M:%SZ', NEW.created_at, 'unixepoch')
        )
    );
END;

CREATE TRIGGER accounts_event AFTER INSERT ON accounts
WHEN EXISTS (SELECT 1 FROM subscriptions WHERE type = 'account.created' AND client_id = '')
BEGIN
    INSERT INTO events (type, subject, client_id, data) VALUES (
        'account.created',
        NEW.id,
        '',
        json_object(
            'id', NEW.id, 'name', NEW.name, 'privacy', NEW.privacy,
            'created_at', strftime('%Y-%m-%dT%H:%M:%SZ', NEW.created_at, 'unixepoch')
        )
    );
END;

-- An erased user leaves no name behind in the events that are kept.
CREATE TRIGGER users_erased_event AFTER DELETE ON users
BEGIN
    UPDATE events SET data = json_object('id', OLD.id) WHERE subject = OLD.id AND type GLOB 'user.*';
    INSERT INTO events (type, subject, client_id, data)
    SELECT 'user.erased', OLD.id, OLD.client_id, json_object('id', OLD.id)
    WHERE EXISTS (SELECT 1 FROM subscriptions WHERE type = 'user.erased' AND client_id IN ('', OLD.client_id));
END;

CREATE TRIGGER accounts_erased_event AFTER DELETE ON accounts
BEGIN
    UPDATE events SET data = json_object('id', OLD.id) WHERE subject = OLD.id AND type GLOB 'account.*';
    INSERT INTO events (type, subject, client_id, data)
    SELECT 'account.erased', OLD.id, '', json_object('id', OLD.id)
    WHERE EXISTS (SELECT 1 FROM subscriptions WHERE type = 'account.erased' AND client_id = '');
END;

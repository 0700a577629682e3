-- A service may spread over many databases (docs/scaling.md). Each database knows its place among them, and the Worker
-- asks for that place in every statement: a binding of the wrong database never stores a row.

CREATE TABLE place (
    -- There is one row.
    id INTEGER PRIMARY KEY CHECK (id = 0),
    -- The number of the database. Its ids of users and accounts begin at number * 2^40.
    number INTEGER NOT NULL CHECK (number BETWEEN 0 AND 4095),
    generation INTEGER NOT NULL CHECK (generation BETWEEN 0 AND number),
    -- The position in the generation, and the number of the generation's databases.
    position INTEGER NOT NULL CHECK (position BETWEEN 0 AND number),
    size INTEGER NOT NULL CHECK (size > position),
    -- Whether names or the outlines of their skeletons place rows in the generation.
    placing TEXT NOT NULL CHECK (placing IN ('name', 'skeleton')),
    -- All databases of a service have the same text.
    service TEXT NOT NULL CHECK (length(service) BETWEEN 1 AND 64 AND service NOT GLOB '*[^0-9a-z]*'),
    -- When `make deploy` first deployed a Worker that has the database, in seconds since 1970, UTC.
    deployed_at INTEGER,
    -- Since when the database refuses inserts.
    frozen_at INTEGER
) STRICT;

-- The place of the first database, which is the only one of most services.
INSERT INTO place (id, number, generation, position, size, placing, service)
VALUES (0, 0, 0, 0, 1, 'name', lower(hex(randomblob(8))));

-- A fence never falls: a name could otherwise be stored in two generations.
CREATE TRIGGER place_stays_frozen BEFORE UPDATE OF frozen_at ON place
WHEN OLD.frozen_at IS NOT NULL AND NEW.frozen_at IS NOT OLD.frozen_at
BEGIN
    SELECT RAISE(ABORT, 'a frozen database stays frozen');
END;

CREATE TRIGGER place_stays BEFORE DELETE ON place
BEGIN
    SELECT RAISE(ABORT, 'a database keeps its place');
END;

-- The fence. A frozen database takes no new row; it still deletes and changes rows.
CREATE TRIGGER users_frozen BEFORE INSERT ON users WHEN (SELECT frozen_at FROM place) IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'frozen');
END;

CREATE TRIGGER accounts_frozen BEFORE INSERT ON accounts WHEN (SELECT frozen_at FROM place) IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'frozen');
END;

CREATE TRIGGER challenges_frozen BEFORE INSERT ON challenges WHEN (SELECT frozen_at FROM place) IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'frozen');
END;

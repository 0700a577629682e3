-- The challenges of proof of work that were used, until they expire; empty while PROOF_OF_WORK is off.
CREATE TABLE challenges (
    -- Seconds since 1970, UTC, as the challenge itself has them.
    expires_at INTEGER NOT NULL,
    -- The challenge's UUID.
    id TEXT NOT NULL CHECK (length(id) = 36),
    -- An HMAC of the sign-up that it was used for, in hex: a repeat finds its own challenge by it.
    sign_up TEXT NOT NULL CHECK (length(sign_up) = 64),
    -- How often that sign-up came, repeats included.
    tries INTEGER NOT NULL DEFAULT 1,
    -- In the order of expiry, so that no index is needed to find the expired, and none is written.
    PRIMARY KEY (expires_at, id)
) STRICT, WITHOUT ROWID;

-- Two for each one that comes, so the table shrinks after a rush without a sign-up that pays for all of it.
-- A minute is for clocks that differ: what was forgotten could be used again.
CREATE TRIGGER challenges_forget AFTER INSERT ON challenges
BEGIN
    DELETE FROM challenges WHERE (expires_at, id) IN (
        SELECT expires_at, id FROM challenges WHERE expires_at < unixepoch() - 60 ORDER BY expires_at LIMIT 2
    );
END;

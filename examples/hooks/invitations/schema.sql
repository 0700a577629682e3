-- The invitations. `attempt` is the id of the sign-up that a code let pass; it is NULL while the code is unused.
CREATE TABLE invitations (
    code TEXT PRIMARY KEY NOT NULL,
    attempt TEXT
) STRICT, WITHOUT ROWID;

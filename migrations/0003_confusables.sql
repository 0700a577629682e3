-- With CONFUSABLES = "deny", a name is taken if one that looks like it is.

-- The skeleton (UTS 39) of the name's key; NULL where the Worker that stored the row allowed confusable
-- names. The index leaves those rows out, so they cost no entry in it.
ALTER TABLE users ADD COLUMN username_skeleton TEXT CHECK (length(username_skeleton) > 0);
CREATE UNIQUE INDEX users_skeleton ON users (client_id, username_skeleton) WHERE username_skeleton IS NOT NULL;

ALTER TABLE accounts ADD COLUMN name_skeleton TEXT CHECK (length(name_skeleton) > 0);
CREATE UNIQUE INDEX accounts_skeleton ON accounts (name_skeleton) WHERE name_skeleton IS NOT NULL;

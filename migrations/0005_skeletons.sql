-- With CONFUSABLES = "deny", a name has three skeletons (UTS 39) instead of one, and is taken if a name that is
-- there has one of them: that of the name as written, that of its key (its folded form), and, in the column of
-- migration 0003, that of its key after characters that look like a Latin capital became it. Run `make skeletons`
-- after this: names from before have only the last.

ALTER TABLE users ADD COLUMN username_skeleton_written TEXT CHECK (length(username_skeleton_written) > 0);
ALTER TABLE users ADD COLUMN username_skeleton_folded TEXT CHECK (length(username_skeleton_folded) > 0);
CREATE UNIQUE INDEX users_skeleton_written ON users (client_id, username_skeleton_written)
    WHERE username_skeleton_written IS NOT NULL;
CREATE UNIQUE INDEX users_skeleton_folded ON users (client_id, username_skeleton_folded)
    WHERE username_skeleton_folded IS NOT NULL;

ALTER TABLE accounts ADD COLUMN name_skeleton_written TEXT CHECK (length(name_skeleton_written) > 0);
ALTER TABLE accounts ADD COLUMN name_skeleton_folded TEXT CHECK (length(name_skeleton_folded) > 0);
CREATE UNIQUE INDEX accounts_skeleton_written ON accounts (name_skeleton_written)
    WHERE name_skeleton_written IS NOT NULL;
CREATE UNIQUE INDEX accounts_skeleton_folded ON accounts (name_skeleton_folded)
    WHERE name_skeleton_folded IS NOT NULL;

-- What the server and its page need: accounts, sessions, the audit log, and marks of their own on rows.

-- The few that are not on the list: counting the others needs no look at each.
CREATE INDEX item_off ON item(project_id) WHERE hidden=1 OR gone=1;

-- A task that failed, was cancelled or was blocked, and that a person has dealt with: it leaves the lists of what is open
-- and stays in results. A retry takes the mark away.
ALTER TABLE task ADD COLUMN cleared INTEGER NOT NULL DEFAULT 0 CHECK (cleared IN (0,1));

-- --cor, --phase, --set of a live acquisition with their values: what goes on has them too (JSON).
ALTER TABLE watch ADD COLUMN words TEXT NOT NULL DEFAULT '[]';

-- An account of the server. Passwords are kept as argon2id hashes only.
CREATE TABLE user (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (name <> ''),
    hash       TEXT NOT NULL DEFAULT '',   -- libsodium's argon2id string; '' = no password (single sign-on only)
    role       TEXT NOT NULL CHECK (role IN ('viewer','operator','admin')),
    everywhere INTEGER NOT NULL DEFAULT 1 CHECK (everywhere IN (0,1)),  -- 0 = only the projects of user_project
    disabled   INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0,1)),
    created_us INTEGER NOT NULL
) STRICT;

-- What an account may do in which project, where everywhere = 0.
CREATE TABLE user_project (
    user_id    INTEGER NOT NULL REFERENCES user(id),
    project_id INTEGER NOT NULL REFERENCES project(id),
    role       TEXT NOT NULL CHECK (role IN ('viewer','operator')),
    PRIMARY KEY (user_id, project_id)
) STRICT, WITHOUT ROWID;

-- A browser that is signed in. Its cookie is known by its hash only.
CREATE TABLE session (
    hash       TEXT PRIMARY KEY,
    user_id    INTEGER,                    -- NULL = the token of a server without accounts
    ip         TEXT NOT NULL DEFAULT '',   -- where it signed in
    created_us INTEGER NOT NULL,
    seen_us    INTEGER NOT NULL,           -- at most a minute late
    expires_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who did what from where, and how it ended. Rows are only added.
CREATE TABLE audit (
    id         INTEGER PRIMARY KEY,
    t_us       INTEGER NOT NULL,
    user       TEXT NOT NULL,              -- as it was called then; an account may be gone by now
    ip         TEXT NOT NULL DEFAULT '',   -- '' = the command line of this machine
    what       TEXT NOT NULL,              -- 'POST /api/v1/runs', 'login', 'user.add'
    outcome    TEXT NOT NULL,              -- ok, or the error's name
    project_id INTEGER,
    detail     TEXT NOT NULL DEFAULT ''    -- what was asked for (shortened), or why it was refused; never a password
) STRICT;

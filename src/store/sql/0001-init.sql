-- Gantry's state. Durable tables only migrate. Times are microseconds UTC unless a name says otherwise.
-- States of a task (model/state.h): 0 waiting 1 ready 2 held 3 running 4 suspended 5 done 6 cached 7 failed 8 cancelled
-- 9 blocked 10 unknown. States of an attempt: 0 reserved 1 running 2 settled 3 fenced.

CREATE TABLE project (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE CHECK (name <> ''),      -- what -p takes
    root        TEXT NOT NULL UNIQUE CHECK (root LIKE '/%'),  -- the data folder, absolute
    rec         TEXT NOT NULL,                                -- <folder>_rec, absolute
    attempts    TEXT NOT NULL,                                -- where attempts live: <root>/.gantry/attempts, or below rec
    min_size_pct INTEGER CHECK (min_size_pct BETWEEN 0 AND 100), -- undersized rule, 0 = off; NULL = the default
    created_us  INTEGER NOT NULL
) STRICT;

-- What one task works on. For level scan: one HDF5 acquisition. Rows of other kinds of file are kept too (level file).
CREATE TABLE item (
    id            INTEGER PRIMARY KEY,
    project_id    INTEGER NOT NULL REFERENCES project(id),
    level         TEXT NOT NULL CHECK (level IN ('scan','file','series','study','subject')),
    name          TEXT NOT NULL,                     -- path relative to the project's root
    kind          TEXT NOT NULL DEFAULT 'other',     -- hdf5-projections, other, ...
    size          INTEGER NOT NULL DEFAULT 0,        -- bytes on disk
    mtime_ns      INTEGER NOT NULL DEFAULT 0,
    frames        INTEGER,                           -- projections present
    angles        INTEGER,                           -- length of theta
    n_rows        INTEGER,
    n_columns     INTEGER,
    dtype         TEXT,
    logical_bytes INTEGER,                           -- shape x item size of the projections
    reason        TEXT NOT NULL DEFAULT '',          -- why it cannot be read, or is incomplete; '' = fine
    readable      INTEGER NOT NULL DEFAULT 1 CHECK (readable IN (0,1)),
    series        TEXT NOT NULL DEFAULT '',
    idx           INTEGER NOT NULL DEFAULT 0,        -- trailing index within the series
    cor           REAL,                              -- rotation axis, full detector, 0-based pixel centres
    cor_source    TEXT,                              -- manual, vo, pc, entropy, ai, auto, outlier-fixed, series-mean, file
    cor_confidence REAL,
    cor_seen      REAL,                              -- what the COR files said when last read or written; NULL = nothing
    cor_before    REAL,                              -- source outlier-fixed: the value that was replaced
    auto_skip     INTEGER NOT NULL DEFAULT 0 CHECK (auto_skip IN (0,1)),   -- the undersized rule flags it
    enabled       INTEGER CHECK (enabled IN (0,1)),  -- by hand: 1 runs although flagged, 0 never runs; NULL = the rule decides
    skip_reason   TEXT NOT NULL DEFAULT '',
    hidden        INTEGER NOT NULL DEFAULT 0 CHECK (hidden IN (0,1)),      -- forgotten until scan --all
    gone          INTEGER NOT NULL DEFAULT 0 CHECK (gone IN (0,1)),        -- no longer on disk
    grown_us      INTEGER NOT NULL DEFAULT 0,        -- when its size or mtime was last seen to change
    baseline      INTEGER NOT NULL DEFAULT 1 CHECK (baseline IN (0,1)),    -- 0 = arrived while a watch was on
    taken         INTEGER NOT NULL DEFAULT 0 CHECK (taken IN (0,1)),       -- a watch has launched its batch on it
    status        TEXT NOT NULL DEFAULT 'Ready',     -- the row's word (REQUIREMENTS B4)
    params        TEXT NOT NULL DEFAULT '{}',        -- per-item parameters, JSON
    tags          TEXT NOT NULL DEFAULT '/',         -- exact members: /a/b/
    extra         TEXT NOT NULL DEFAULT '{}',        -- further facts of the header, JSON
    added_us      INTEGER NOT NULL,
    changed_us    INTEGER NOT NULL,
    UNIQUE (project_id, level, name)
) STRICT;
CREATE INDEX item_series ON item(project_id, series, idx);

CREATE TABLE batch (
    name       TEXT PRIMARY KEY CHECK (name <> ''),
    json       TEXT NOT NULL,
    changed_us INTEGER NOT NULL
) STRICT;

CREATE TABLE run (
    id          INTEGER PRIMARY KEY,
    project_id  INTEGER NOT NULL REFERENCES project(id),
    name        TEXT NOT NULL,                 -- the batch's name
    batch       TEXT NOT NULL,                 -- the batch as launched, frozen (JSON)
    params      TEXT NOT NULL DEFAULT '{}',    -- --set, --cor and the like, frozen (JSON)
    options     TEXT NOT NULL DEFAULT '{}',    -- timeout, on_error, overwrite, slots, gpus, skipped items... (JSON)
    state       TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active','finished','cancelled')),
    priority    INTEGER NOT NULL DEFAULT 0,
    watch       INTEGER NOT NULL DEFAULT 0 CHECK (watch IN (0,1)),  -- launched by scan --watch: keeps a reserved slot
    queued      INTEGER NOT NULL DEFAULT 1 CHECK (queued IN (0,1)), -- 0 = left by an engine that died; waits for --resume
    user        TEXT NOT NULL DEFAULT '',
    host        TEXT NOT NULL DEFAULT '',
    created_us  INTEGER NOT NULL,
    ended_us    INTEGER
) STRICT;
CREATE INDEX run_active ON run(state) WHERE state = 'active';

-- Failures with one signature (message without paths, numbers, ids) are one cause.
CREATE TABLE cause (
    id         INTEGER PRIMARY KEY,
    code       TEXT NOT NULL,
    signature  TEXT NOT NULL,
    example    TEXT NOT NULL,
    first_us   INTEGER NOT NULL,
    UNIQUE (code, signature)
) STRICT;

-- One job of a run on one item. The jobs of one item have consecutive ids, in the batch's order.
CREATE TABLE task (
    id          INTEGER PRIMARY KEY,
    run_id      INTEGER NOT NULL REFERENCES run(id),
    item_id     INTEGER NOT NULL REFERENCES item(id),
    job         INTEGER NOT NULL,              -- index in the batch, from 0
    job_id      TEXT NOT NULL,                 -- try, infer, full, ...
    tool        TEXT NOT NULL,
    state       INTEGER NOT NULL CHECK (state BETWEEN 0 AND 10),
    attempts    INTEGER NOT NULL DEFAULT 0,    -- numbers given out so far
    params      TEXT NOT NULL DEFAULT '{}',    -- retry --set: kept, and inherited by the item's later jobs
    force       INTEGER NOT NULL DEFAULT 0 CHECK (force IN (0,1)),    -- ignores the cache (explicit retry)
    alone       INTEGER NOT NULL DEFAULT 0 CHECK (alone IN (0,1)),    -- runs with nothing beside it (after out of memory)
    lost        INTEGER NOT NULL DEFAULT 0,    -- attempts that vanished with their worker
    stopping    INTEGER NOT NULL DEFAULT 0 CHECK (stopping IN (0,1)), -- cancel was asked for while it ran
    fingerprint TEXT,
    basis       TEXT,                          -- what the fingerprint was made of (JSON), for `why`
    cached_from INTEGER,                       -- the task whose outputs were taken
    code        TEXT NOT NULL DEFAULT '',      -- error code of a failure
    message     TEXT NOT NULL DEFAULT '',      -- last message: of a failure, or why it waits
    cause_id    INTEGER REFERENCES cause(id),
    result      TEXT NOT NULL DEFAULT '{}',    -- what the tool reported (JSON)
    started_us  INTEGER,
    ended_us    INTEGER
) STRICT;
CREATE INDEX task_run ON task(run_id, state, id);
CREATE INDEX task_item ON task(item_id, id);
CREATE INDEX task_fingerprint ON task(fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX task_cause ON task(cause_id) WHERE cause_id IS NOT NULL;

-- Attempts are reserved before they are given out, so that after a crash every one that may have started is known.
CREATE TABLE attempt (
    id         INTEGER PRIMARY KEY,
    task_id    INTEGER NOT NULL REFERENCES task(id),
    n          INTEGER NOT NULL,
    state      INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
    pid        INTEGER NOT NULL DEFAULT 0,     -- of the worker
    pid_start  INTEGER NOT NULL DEFAULT 0,     -- field 22 of /proc/PID/stat
    slot       INTEGER NOT NULL DEFAULT -1,
    gpu        INTEGER NOT NULL DEFAULT -1,
    executor   TEXT NOT NULL DEFAULT 'local',
    host       TEXT NOT NULL DEFAULT '',
    started_us INTEGER,
    ended_us   INTEGER,
    outcome    TEXT NOT NULL DEFAULT '',       -- done, failed, cancelled, lost, ...
    code       TEXT NOT NULL DEFAULT '',
    message    TEXT NOT NULL DEFAULT '',
    exit       INTEGER,
    signal     INTEGER,
    peak_bytes INTEGER,                        -- VmHWM of the tool
    cpu_us     INTEGER,
    params     TEXT NOT NULL DEFAULT '{}',     -- what --set gave this attempt
    UNIQUE (task_id, n)
) STRICT;
CREATE INDEX attempt_open ON attempt(state) WHERE state < 2;

CREATE TABLE output (
    id         INTEGER PRIMARY KEY,
    task_id    INTEGER NOT NULL REFERENCES task(id),
    name       TEXT NOT NULL,                  -- the declared output's id
    path       TEXT NOT NULL,                  -- absolute, published
    kind       TEXT NOT NULL CHECK (kind IN ('file','folder','files')),
    pattern    TEXT NOT NULL DEFAULT '',       -- kind files: which names in the folder
    size       INTEGER NOT NULL,               -- bytes; of a folder: the sum over its files
    mtime_ns   INTEGER NOT NULL,               -- of a folder: the newest file's
    files      INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX output_task ON output(task_id);
CREATE INDEX output_path ON output(path);

-- What a person should see; feeds the page and history.
CREATE TABLE event (
    id         INTEGER PRIMARY KEY,
    t_us       INTEGER NOT NULL,
    kind       TEXT NOT NULL,                  -- task, run, cor, item, queue, ...
    project_id INTEGER,
    run_id     INTEGER,
    task_id    INTEGER,
    item_id    INTEGER,
    text       TEXT NOT NULL,
    data       TEXT NOT NULL DEFAULT '{}'      -- JSON
) STRICT;
CREATE INDEX event_item ON event(item_id) WHERE item_id IS NOT NULL;

-- A live acquisition being followed. A row that still stands when a watch starts was left by a kill: it goes on.
CREATE TABLE watch (
    id         INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES project(id),
    batch      TEXT NOT NULL DEFAULT '',
    started_us INTEGER NOT NULL,
    UNIQUE (project_id, batch)
) STRICT;

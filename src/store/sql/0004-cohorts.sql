-- Cohorts: subjects, studies and the files in them. A subject and a study are rows of item (levels subject and study), so
-- that tasks, tags and the page treat them as they treat scans; what they have besides stands here.

-- How the folder is laid out: auto, scans, bids, dicom, or a pattern such as {subject}/{study}. layout_found is what auto
-- decided at the last scan ('' = not looked at yet, or scans).
ALTER TABLE project ADD COLUMN layout TEXT NOT NULL DEFAULT 'auto' CHECK (layout <> '');
ALTER TABLE project ADD COLUMN layout_found TEXT NOT NULL DEFAULT '';

-- Attributes of a subject or a study: participants.tsv, sessions.tsv, an imported table (JSON object of texts and numbers).
ALTER TABLE item ADD COLUMN attrs TEXT NOT NULL DEFAULT '{}';

-- One visit of a subject. item.name of a study is its folder relative to the project's root ('P01/S1', 'sub-01/ses-2',
-- 'sub-01'), item.name of a subject its name ('P01', 'sub-01').
CREATE TABLE study (
    item_id    INTEGER PRIMARY KEY REFERENCES item(id),
    subject_id INTEGER NOT NULL REFERENCES item(id),
    sid        TEXT NOT NULL,             -- the study's own name; '' = the only one of a subject without visits
    date       TEXT NOT NULL DEFAULT '',  -- ISO 8601 when known; what OLDEST and LATEST go by, before sid
    sdesc      TEXT NOT NULL DEFAULT '',  -- its description (search attribute SDESC)
    files      INTEGER NOT NULL DEFAULT 0 -- files on disk: counting a million for a table takes too long
) STRICT;
CREATE INDEX study_subject ON study(subject_id, date, sid);

-- One file of a study. Its path is <root>/[<place>/]<study's folder>/[<sub>/]<name>.
CREATE TABLE file (
    id       INTEGER PRIMARY KEY,
    study_id INTEGER NOT NULL REFERENCES study(item_id),
    place    TEXT NOT NULL DEFAULT '',    -- '' = with the data; 'derivatives/NAME' in a BIDS tree
    sub      TEXT NOT NULL DEFAULT '',    -- folder within the study, without slashes at its ends; '' = the study's own
    name     TEXT NOT NULL CHECK (name <> ''),
    size     INTEGER NOT NULL DEFAULT 0,
    mtime_ns INTEGER NOT NULL DEFAULT 0,
    tags     TEXT NOT NULL DEFAULT '/',   -- exact members: /a/b/
    gone     INTEGER NOT NULL DEFAULT 0 CHECK (gone IN (0,1)),
    UNIQUE (study_id, sub, name, place)
) STRICT;
-- Selectors look for files by folder and name in either case, and for tags without reading the rows.
CREATE INDEX file_named ON file(sub COLLATE NOCASE, name COLLATE NOCASE);
CREATE INDEX file_tagged ON file(study_id, tags) WHERE tags <> '/';

-- What people say of a study after looking at the output of a run (good and bad are study tags; this keeps the words).
CREATE TABLE verdict (
    id       INTEGER PRIMARY KEY,
    run_id   INTEGER NOT NULL REFERENCES run(id),
    item_id  INTEGER NOT NULL REFERENCES item(id),
    good     INTEGER NOT NULL CHECK (good IN (0,1)),
    comment  TEXT NOT NULL DEFAULT '',
    user     TEXT NOT NULL DEFAULT '',
    t_us     INTEGER NOT NULL,
    UNIQUE (item_id, run_id)              -- in this order: a study shows what was said of it
) STRICT;

-- A saved batch: starred ones come first, groups are shown together (its JSON stays the user's own).
ALTER TABLE batch ADD COLUMN starred INTEGER NOT NULL DEFAULT 0 CHECK (starred IN (0,1));
ALTER TABLE batch ADD COLUMN grp TEXT NOT NULL DEFAULT '';

-- The batch of a project that is launched for each study that arrives; '' = none.
ALTER TABLE project ADD COLUMN autoexec TEXT NOT NULL DEFAULT '';

-- Layout dicom: what a folder's headers said, so that they are read once. Patients' names are not kept.
CREATE TABLE dicom_folder (
    project_id INTEGER NOT NULL REFERENCES project(id),
    name       TEXT NOT NULL,              -- relative to the project's root
    mtime_ns   INTEGER NOT NULL,           -- of the folder, when it was looked at: files came or went since = anew
    pid        TEXT NOT NULL DEFAULT '',   -- PatientID
    uid        TEXT NOT NULL DEFAULT '',   -- StudyInstanceUID; '' = no DICOM in it
    date       TEXT NOT NULL DEFAULT '',   -- StudyDate, ISO 8601
    sdesc      TEXT NOT NULL DEFAULT '',   -- StudyDescription
    PRIMARY KEY (project_id, name)
) STRICT, WITHOUT ROWID;

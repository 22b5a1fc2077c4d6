-- Predictions: named collections of image series, what models said of them, and what people made of that. A series is a row
-- of item (level series, item.name = its path relative to the project's root, '#' and a short digest of its
-- SeriesInstanceUID behind the path of a folder or ZIP of DICOM), so that tasks and tags treat it as they treat scans.

CREATE TABLE dataset (
    id          INTEGER PRIMARY KEY,
    project_id  INTEGER NOT NULL REFERENCES project(id),
    name        TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (name <> ''),
    description TEXT NOT NULL DEFAULT '',
    places      TEXT NOT NULL DEFAULT '[]',   -- what was registered: paths relative to the project's root ('.' = all of it)
    modality    TEXT NOT NULL DEFAULT '',     -- said of NIfTI that does not say it itself
    user        TEXT NOT NULL DEFAULT '',
    created_us  INTEGER NOT NULL,
    scanned_us  INTEGER                       -- NULL = its headers were never read to the end
) STRICT;

-- One image series: a NIfTI file, or one SeriesInstanceUID in a file, folder or ZIP of DICOM.
CREATE TABLE series (
    item_id     INTEGER PRIMARY KEY REFERENCES item(id),
    kind        TEXT NOT NULL CHECK (kind IN ('nifti','dicom')),
    path        TEXT NOT NULL,                -- relative to the project's root: the file, the folder, the ZIP
    stem        TEXT NOT NULL,                -- its folder among results: relative, unique in the project, no extension
    uid         TEXT NOT NULL DEFAULT '',     -- SeriesInstanceUID
    study_uid   TEXT NOT NULL DEFAULT '',
    modality    TEXT NOT NULL DEFAULT '',     -- CT, MR, ...; '' = not known
    said        INTEGER NOT NULL DEFAULT 0 CHECK (said IN (0,1)), -- 1 = its own headers name the modality, not a data set
    description TEXT NOT NULL DEFAULT '',
    number      INTEGER,                      -- SeriesNumber
    patient     TEXT NOT NULL DEFAULT '',     -- PatientID or its keyed hash; of BIDS and SUBJECT/STUDY trees the subject
    date        TEXT NOT NULL DEFAULT '',     -- of the study, ISO 8601 when known
    n_columns   INTEGER NOT NULL DEFAULT 0,
    n_rows      INTEGER NOT NULL DEFAULT 0,
    n_slices    INTEGER NOT NULL DEFAULT 0,
    n_times     INTEGER NOT NULL DEFAULT 1,
    spacing_x   REAL,                         -- millimetres between columns, rows, slices
    spacing_y   REAL,
    spacing_z   REAL,
    orientation TEXT NOT NULL DEFAULT '',     -- where columns, rows, slices grow: LPS, RAS, ...
    problem     TEXT NOT NULL DEFAULT ''      -- why no volume can be made of it; '' = it can
) STRICT, WITHOUT ROWID;
CREATE INDEX series_stem ON series(stem);

CREATE TABLE dataset_item (
    dataset_id  INTEGER NOT NULL REFERENCES dataset(id),
    item_id     INTEGER NOT NULL REFERENCES series(item_id),
    PRIMARY KEY (dataset_id, item_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX dataset_of ON dataset_item(item_id);

-- One Batch Prediction: a run of one job at level series.
CREATE TABLE prediction (
    run_id      INTEGER PRIMARY KEY REFERENCES run(id),
    dataset_id  INTEGER NOT NULL,             -- also of a data set that is gone by now
    dataset     TEXT NOT NULL,                -- its name then
    model       TEXT NOT NULL,
    version     TEXT NOT NULL DEFAULT '',
    checksum    TEXT NOT NULL DEFAULT '',     -- of model.onnx, or the tool's descriptor
    task        TEXT NOT NULL,                -- classification, segmentation, detection
    settings    TEXT NOT NULL DEFAULT '{}',   -- all of them with their values, frozen (JSON)
    folder      TEXT NOT NULL,                -- absolute: where the results of its series lie, <folder>/<stem>/
    trial       INTEGER NOT NULL DEFAULT 0 CHECK (trial IN (0,1)), -- "try on one"
    again_of    INTEGER                       -- the prediction that this one was duplicated from
) STRICT, WITHOUT ROWID;
CREATE INDEX prediction_model ON prediction(model);
CREATE INDEX prediction_dataset ON prediction(dataset_id);

-- Masks that people drew or mended. The prediction itself is never written over; it counts as version 0.
CREATE TABLE annotation (
    id          INTEGER PRIMARY KEY,
    item_id     INTEGER NOT NULL REFERENCES item(id),
    run_id      INTEGER REFERENCES run(id),   -- the prediction it began as; NULL = drawn from nothing
    version     INTEGER NOT NULL CHECK (version >= 0), -- 0 = a verdict on the prediction as it is
    state       TEXT NOT NULL CHECK (state IN ('draft','accepted','rejected')),
    path        TEXT NOT NULL DEFAULT '',     -- absolute; '' for version 0
    comment     TEXT NOT NULL DEFAULT '',
    user        TEXT NOT NULL DEFAULT '',
    t_us        INTEGER NOT NULL,
    UNIQUE (item_id, run_id, version)
) STRICT;

-- Predictions held against the truth: a run of its own, one task a series and one that makes the report.
CREATE TABLE validation (
    run_id      INTEGER PRIMARY KEY REFERENCES run(id),
    of_run      INTEGER NOT NULL REFERENCES run(id),  -- the prediction
    kind        TEXT NOT NULL CHECK (kind IN ('masks','labels')),
    truth       TEXT NOT NULL,                -- absolute: the folder of masks, or the table of labels
    folder      TEXT NOT NULL                 -- absolute: where the report lies
) STRICT, WITHOUT ROWID;
CREATE INDEX validation_of ON validation(of_run);

-- A model that is not offered any more (its runs keep it). Models themselves are folders.
CREATE TABLE model_archived (
    name        TEXT PRIMARY KEY CHECK (name <> ''),
    user        TEXT NOT NULL DEFAULT '',
    t_us        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

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

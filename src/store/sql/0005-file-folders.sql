-- Selectors look for files by folder and name in either case, and for tags without reading the rows.
DROP INDEX file_name;
CREATE INDEX file_named ON file(sub COLLATE NOCASE, name COLLATE NOCASE);
DROP INDEX file_tagged;
CREATE INDEX file_tagged ON file(study_id, tags) WHERE tags <> '/';

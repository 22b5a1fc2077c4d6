-- A task that failed, was cancelled or was blocked, and that a person has dealt with: it leaves the lists of what is open
-- and stays in results. A retry takes the mark away.
ALTER TABLE task ADD COLUMN cleared INTEGER NOT NULL DEFAULT 0 CHECK (cleared IN (0,1));

-- A run may keep its results and attempts elsewhere than its project: `gantry predict` leaves the data folder untouched and
-- writes beside its table. NULL = the project's own.
ALTER TABLE run ADD COLUMN rec TEXT CHECK (rec LIKE '/%');
ALTER TABLE run ADD COLUMN attempts TEXT CHECK (attempts LIKE '/%');

-- An upload that ended has no row; the process that ended it remembers its id.
-- With SQLite the states of uploads are in a file beside the database instead.
DELETE FROM uploads WHERE closed;
ALTER TABLE uploads DROP COLUMN closed;

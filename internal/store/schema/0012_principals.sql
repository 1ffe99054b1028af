-- The unique ids of the principals that policies name, as a JSON object by their
-- ARNs; empty where they are known by their names alone.
ALTER TABLE repository_documents ADD COLUMN principals TEXT NOT NULL DEFAULT '';
ALTER TABLE settings ADD COLUMN principals TEXT NOT NULL DEFAULT '';
ALTER TABLE kms_keys ADD COLUMN principals TEXT NOT NULL DEFAULT '';

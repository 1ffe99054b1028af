-- The keys of the key management service. changes grows with everything that is
-- remembered of a key: its state, policy, tags and aliases. The lock of this row
-- puts the changes of a key into one order.
CREATE TABLE kms_keys (
    id              TEXT PRIMARY KEY, -- UUID
    account         TEXT NOT NULL,
    region          TEXT NOT NULL,
    manager         TEXT NOT NULL, -- AWS or CUSTOMER
    state           TEXT NOT NULL, -- Enabled, Disabled or PendingDeletion
    description     TEXT NOT NULL,
    policy          TEXT NOT NULL,
    version         BIGINT NOT NULL, -- of the material that encrypts
    rotation_days   BIGINT NOT NULL, -- the period; it stays when rotation is off
    rotates_at      BIGINT,          -- NULL is no automatic rotation
    rotations       BIGINT NOT NULL, -- on demand
    deletion_window BIGINT NOT NULL, -- days
    deletes_at      BIGINT,          -- NULL is never
    grants          BIGINT NOT NULL,
    changes         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX kms_keys_owner ON kms_keys (account, region, id);
CREATE INDEX kms_keys_rotation ON kms_keys (state, rotates_at, id);
CREATE INDEX kms_keys_deletion ON kms_keys (deletes_at, id);

-- What keys encrypt with. Old versions stay for what they encrypted.
CREATE TABLE kms_materials (
    key_id     TEXT NOT NULL REFERENCES kms_keys (id) ON DELETE CASCADE,
    version    BIGINT NOT NULL,
    wrapped    BYTEA NOT NULL, -- by the server's root of trust
    created_at BIGINT NOT NULL,
    PRIMARY KEY (key_id, version)
) WITHOUT ROWID;

CREATE TABLE kms_aliases (
    account    TEXT NOT NULL,
    region     TEXT NOT NULL,
    name       TEXT NOT NULL, -- alias/…
    key_id     TEXT NOT NULL REFERENCES kms_keys (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account, region, name)
) WITHOUT ROWID;
CREATE INDEX kms_aliases_key ON kms_aliases (key_id, name);

CREATE TABLE kms_grants (
    id         TEXT PRIMARY KEY, -- 64 hexadecimal digits
    key_id     TEXT NOT NULL REFERENCES kms_keys (id) ON DELETE CASCADE,
    grantee    TEXT NOT NULL,
    name       TEXT NOT NULL, -- empty is none
    detail     TEXT NOT NULL, -- JSON object
    created_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX kms_grants_key ON kms_grants (key_id, id);
CREATE INDEX kms_grants_grantee ON kms_grants (key_id, grantee, id);
CREATE INDEX kms_grants_name ON kms_grants (key_id, name, id);

CREATE TABLE kms_tags (
    key_id TEXT NOT NULL REFERENCES kms_keys (id) ON DELETE CASCADE,
    key    TEXT NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (key_id, key)
) WITHOUT ROWID;

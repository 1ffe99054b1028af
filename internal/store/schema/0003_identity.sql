-- Who there is. changes grows first in every transaction that changes anything
-- of an account's identities: the lock of this row puts such changes into one
-- order, and its value tells a node whether what it remembers is still true.
CREATE TABLE accounts (
    id         TEXT PRIMARY KEY, -- 12 digits
    name       TEXT NOT NULL,
    alias      TEXT UNIQUE,
    settings   TEXT NOT NULL, -- JSON object
    changes    BIGINT NOT NULL,
    created_at BIGINT NOT NULL
) WITHOUT ROWID;

-- Users, groups, roles, policies and OIDC providers. key is the name in lower
-- case: names differ in more than case. id is IAM's unique id and never comes
-- again; whatever belongs to an identity refers to it, so that a new name
-- changes one row.
CREATE TABLE identities (
    account    TEXT NOT NULL REFERENCES accounts (id),
    kind       TEXT NOT NULL, -- user, group, role, policy, oidc-provider
    key        TEXT NOT NULL,
    name       TEXT NOT NULL,
    path       TEXT NOT NULL,
    id         TEXT NOT NULL UNIQUE,
    detail     TEXT NOT NULL, -- JSON object of what only this kind has
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account, kind, key)
) WITHOUT ROWID;

-- folded is the key in lower case: keys of one identity differ in more than case.
CREATE TABLE identity_tags (
    identity_id TEXT NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
    folded      TEXT NOT NULL,
    key         TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (identity_id, folded)
) WITHOUT ROWID;

CREATE TABLE inline_policies (
    identity_id TEXT NOT NULL REFERENCES identities (id),
    name        TEXT NOT NULL,
    document    TEXT NOT NULL,
    PRIMARY KEY (identity_id, name)
) WITHOUT ROWID;

-- usage is policy or boundary. A policy of AWS is no row anywhere, so its ARN
-- stands for it; account is the identity's.
CREATE TABLE attached_policies (
    identity_id TEXT NOT NULL REFERENCES identities (id),
    usage       TEXT NOT NULL,
    policy_arn  TEXT NOT NULL,
    account     TEXT NOT NULL,
    PRIMARY KEY (identity_id, usage, policy_arn)
) WITHOUT ROWID;
CREATE INDEX attached_policies_arn ON attached_policies (account, policy_arn, usage, identity_id);

CREATE TABLE memberships (
    group_id TEXT NOT NULL REFERENCES identities (id),
    user_id  TEXT NOT NULL REFERENCES identities (id),
    PRIMARY KEY (group_id, user_id)
) WITHOUT ROWID;
CREATE INDEX memberships_user ON memberships (user_id, group_id);

CREATE TABLE policy_versions (
    policy_id  TEXT NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
    version    BIGINT NOT NULL,
    document   TEXT NOT NULL,
    is_default BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (policy_id, version)
) WITHOUT ROWID;

CREATE TABLE login_profiles (
    user_id        TEXT PRIMARY KEY REFERENCES identities (id),
    hash           TEXT NOT NULL,
    reset_required BOOLEAN NOT NULL,
    used_at        BIGINT NOT NULL, -- 0 is never
    created_at     BIGINT NOT NULL
) WITHOUT ROWID;

-- owner_id is the id of a user, or the account for its root.
CREATE TABLE access_keys (
    id           TEXT PRIMARY KEY,
    account      TEXT NOT NULL REFERENCES accounts (id),
    owner_id     TEXT NOT NULL,
    secret       BYTEA NOT NULL, -- sealed
    active       BOOLEAN NOT NULL,
    created_at   BIGINT NOT NULL,
    used_at      BIGINT NOT NULL, -- 0 is never
    used_region  TEXT NOT NULL,
    used_service TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX access_keys_owner ON access_keys (account, owner_id, id);

-- Temporary credentials. owner_id is the id of a role or user, or the account
-- for its root: when it goes, its sessions end.
CREATE TABLE sessions (
    access_key_id TEXT PRIMARY KEY,
    account       TEXT NOT NULL REFERENCES accounts (id),
    owner_id      TEXT NOT NULL,
    detail        TEXT NOT NULL, -- JSON object
    secret        BYTEA NOT NULL, -- sealed
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_expiry ON sessions (expires_at, access_key_id);

CREATE TABLE role_uses (
    role_id TEXT PRIMARY KEY REFERENCES identities (id) ON DELETE CASCADE,
    used_at BIGINT NOT NULL,
    region  TEXT NOT NULL
) WITHOUT ROWID;

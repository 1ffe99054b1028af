package store

import (
	"context"
	"database/sql"
)

// A DocumentKind names one of the documents that a repository can have.
type DocumentKind string

// The kinds of documents.
const (
	RepositoryPolicy DocumentKind = "policy"
	LifecyclePolicy  DocumentKind = "lifecycle"
)

// A Document is a text that a user set, and when an engine last acted on it.
type Document struct {
	Text        string
	EvaluatedAt int64 // Unix milliseconds; 0 is never
}

// Document returns a repository's document, or [ErrNotFound].
func (q queries) Document(ctx context.Context, repositoryID string, kind DocumentKind) (Document, error) {
	var d Document
	var evaluated sql.NullInt64
	err := q.get(ctx, `SELECT document, evaluated_at FROM repository_documents WHERE repository_id = $1 AND kind = $2`,
		[]any{repositoryID, string(kind)}, &d.Text, &evaluated)
	d.EvaluatedAt = evaluated.Int64
	return d, err
}

// PutDocument sets a repository's document, with the ids of the principals that
// it names.
func (tx *Tx) PutDocument(ctx context.Context, repositoryID string, kind DocumentKind, text, principals string) error {
	_, err := tx.exec(ctx, `INSERT INTO repository_documents (repository_id, kind, document, principals) VALUES ($1,$2,$3,$4)
		ON CONFLICT (repository_id, kind) DO UPDATE SET document = excluded.document, principals = excluded.principals`,
		repositoryID, string(kind), text, principals)
	return err
}

// DeleteDocument removes a repository's document.
func (tx *Tx) DeleteDocument(ctx context.Context, repositoryID string, kind DocumentKind) error {
	_, err := tx.exec(ctx, `DELETE FROM repository_documents WHERE repository_id = $1 AND kind = $2`, repositoryID, string(kind))
	return err
}

// A Setting names a document of a registry.
type Setting string

// RegistryPolicy is the registry policy's text.
const RegistryPolicy Setting = "registry-policy"

// Setting returns a registry's setting, or [ErrNotFound].
func (q queries) Setting(ctx context.Context, account, region string, name Setting) (document string, err error) {
	err = q.get(ctx, `SELECT document FROM settings WHERE account = $1 AND region = $2 AND name = $3`, []any{account, region, string(name)}, &document)
	return document, err
}

// PutSetting sets a registry's setting at a time in Unix milliseconds, with the
// ids of the principals that it names.
func (tx *Tx) PutSetting(ctx context.Context, account, region string, name Setting, document, principals string, now int64) error {
	_, err := tx.exec(ctx, `INSERT INTO settings (account, region, name, document, principals, updated_at) VALUES ($1,$2,$3,$4,$5,$6)
		ON CONFLICT (account, region, name) DO UPDATE SET document = excluded.document, principals = excluded.principals, updated_at = excluded.updated_at`,
		account, region, string(name), document, principals, now)
	return err
}

// DeleteSetting removes a registry's setting.
func (tx *Tx) DeleteSetting(ctx context.Context, account, region string, name Setting) error {
	_, err := tx.exec(ctx, `DELETE FROM settings WHERE account = $1 AND region = $2 AND name = $3`, account, region, string(name))
	return err
}

// A Protection is one of the things that say who may use a repository: a
// setting of its registry, a document or a resource tag of it, or that it exists.
type Protection struct {
	Kind ProtectionKind
	// Name is a setting's or a document's name, or a tag's key; Text is what it holds.
	Name, Text string
	// Principals are the ids of the principals that a policy names.
	Principals string
}

// A ProtectionKind says what a [Protection] is.
type ProtectionKind string

// The kinds of protections.
const (
	RepositoryExists   ProtectionKind = "repository"
	RegistrySetting    ProtectionKind = "setting"
	RepositoryDocument ProtectionKind = "document"
	RepositoryTag      ProtectionKind = "tag"
)

// Protections returns what says who may use a repository. One that does not
// exist has its registry's settings.
func (q queries) Protections(ctx context.Context, account, region, name string) ([]Protection, error) {
	return list(ctx, q, func(rows *sql.Rows) (p Protection, err error) {
		err = rows.Scan(&p.Kind, &p.Name, &p.Text, &p.Principals)
		return p, err
	}, `SELECT 'setting' AS kind, name, document, principals FROM settings WHERE account = $1 AND region = $2
		UNION ALL SELECT 'repository', '', id, '' FROM repositories WHERE account = $1 AND region = $2 AND name = $3
		UNION ALL SELECT 'document', d.kind, d.document, d.principals FROM repositories r
			JOIN repository_documents d ON d.repository_id = r.id AND d.kind = 'policy' WHERE r.account = $1 AND r.region = $2 AND r.name = $3
		UNION ALL SELECT 'tag', t.key, t.value, '' FROM repositories r
			JOIN repository_tags t ON t.repository_id = r.id WHERE r.account = $1 AND r.region = $2 AND r.name = $3`, account, region, name)
}

// A ResourceTag is a key and value that a user put on a repository.
type ResourceTag struct{ Key, Value string }

// ResourceTags returns a repository's resource tags in the order of their keys.
func (q queries) ResourceTags(ctx context.Context, repositoryID string) ([]ResourceTag, error) {
	return list(ctx, q, func(rows *sql.Rows) (t ResourceTag, err error) {
		err = rows.Scan(&t.Key, &t.Value)
		return t, err
	}, `SELECT key, value FROM repository_tags WHERE repository_id = $1 ORDER BY key`, repositoryID)
}

// PutResourceTag sets one resource tag of a repository.
func (tx *Tx) PutResourceTag(ctx context.Context, repositoryID string, t ResourceTag) error {
	_, err := tx.exec(ctx, `INSERT INTO repository_tags (repository_id, key, value) VALUES ($1,$2,$3)
		ON CONFLICT (repository_id, key) DO UPDATE SET value = excluded.value`, repositoryID, t.Key, t.Value)
	return err
}

// DeleteResourceTag removes one resource tag of a repository, if it is there.
func (tx *Tx) DeleteResourceTag(ctx context.Context, repositoryID, key string) error {
	_, err := tx.exec(ctx, `DELETE FROM repository_tags WHERE repository_id = $1 AND key = $2`, repositoryID, key)
	return err
}

package store

import (
	"context"
	"database/sql"
	"math"
)

// A RepositoryFilter says which repositories of a registry are looked for. What
// is empty is no condition.
type RepositoryFilter struct {
	Account, Region string
	Name            string // exactly
	NamePattern     string // of LIKE, in lower case: see [Containing]
	Mutability      []string
	ScanOnPush      *bool
	TagKey          string
	TagValue        *string
}

func (f RepositoryFilter) arguments(more ...any) []any {
	var scan, value sql.NullString
	if f.ScanOnPush != nil {
		scan = null(map[bool]string{true: "true", false: "false"}[*f.ScanOnPush])
	}
	if f.TagValue != nil {
		value = sql.NullString{String: *f.TagValue, Valid: true}
	}
	return append([]any{
		f.Account, f.Region, f.Name, f.NamePattern, len(f.Mutability) == 0, jsonList(f.Mutability),
		scan.String, f.TagKey, f.TagValue == nil, value.String,
	}, more...)
}

const repositoryFilter = `r.account = $1 AND r.region = $2 AND ($3 = '' OR r.name = $3) AND ($4 = '' OR r.name LIKE $4 ESCAPE '\')
	AND ($5 OR r.mutability IN (SELECT value FROM json_each($6))) AND ($7 = '' OR ($7 = 'true') = r.scan_on_push)
	AND ($8 = '' OR (SELECT 1 FROM repository_tags t WHERE t.repository_id = r.id AND t.key = $8 AND ($9 OR t.value = $10)) IS NOT NULL)`

// A RepositoryOrder is by what repositories are put in order, and by their names
// where that is the same.
type RepositoryOrder string

// The orders; there is one by the name alone too.
const (
	RepositoriesByName      RepositoryOrder = "NAME"
	RepositoriesByCreatedAt RepositoryOrder = "CREATED_AT"
	RepositoriesBySize      RepositoryOrder = "SIZE"
	RepositoriesByImages    RepositoryOrder = "IMAGES"
)

// A PlacedRepository is where in an order a repository is.
type PlacedRepository struct {
	ID, Name string
	Value    int64 // of the order; 0 in that of names
}

func scanPlacedRepository(rows *sql.Rows) (p PlacedRepository, err error) {
	err = rows.Scan(&p.ID, &p.Name, &p.Value)
	return p, err
}

// Repositories in the order of their names, and in another one: the way down and
// the way up.
const (
	repositoriesByName         = `r.id, r.name, 0 FROM repositories r WHERE ` + repositoryFilter
	repositoriesNameDescending = `SELECT ` + repositoriesByName + ` AND r.name < $11 ORDER BY r.name DESC LIMIT $12`
	repositoriesNameAscending  = `SELECT ` + repositoriesByName + ` AND r.name > $11 ORDER BY r.name LIMIT $12`

	repositoriesByValue = `f AS MATERIALIZED (SELECT r.id, r.name, CASE $11
			WHEN 'SIZE' THEN (SELECT CAST(COALESCE(SUM(u.bytes), 0) AS BIGINT) FROM repository_usage u WHERE u.repository_id = r.id)
			WHEN 'IMAGES' THEN (SELECT CAST(COALESCE(SUM(u.images), 0) AS BIGINT) FROM repository_usage u WHERE u.repository_id = r.id)
			ELSE r.created_at END AS value FROM repositories r WHERE ` + repositoryFilter + `) SELECT id, name, value FROM f`
	repositoriesValueDescending = `WITH ` + repositoriesByValue + ` WHERE (value, name) < ($12, $13) ORDER BY value DESC, name DESC LIMIT $14`
	repositoriesValueAscending  = `WITH ` + repositoriesByValue + ` WHERE (value, name) > ($12, $13) ORDER BY value, name LIMIT $14`
)

// afterNames sorts after all names.
const afterNames = "~"

// SearchRepositories returns the repositories that come after a place, nil being
// the start of the order. In any order but that of names it looks at all
// repositories of the registry.
func (q queries) SearchRepositories(ctx context.Context, f RepositoryFilter, by RepositoryOrder, descending bool, after *PlacedRepository, limit int) ([]PlacedRepository, error) {
	from := PlacedRepository{Value: math.MinInt64}
	if descending {
		from = PlacedRepository{Value: math.MaxInt64, Name: afterNames}
	}
	if after != nil {
		from = *after
	}
	switch {
	case by == RepositoriesByName && descending:
		return list(ctx, q, scanPlacedRepository, repositoriesNameDescending, f.arguments(from.Name, limit)...)
	case by == RepositoriesByName:
		return list(ctx, q, scanPlacedRepository, repositoriesNameAscending, f.arguments(from.Name, limit)...)
	case descending:
		return list(ctx, q, scanPlacedRepository, repositoriesValueDescending, f.arguments(string(by), from.Value, from.Name, limit)...)
	default:
		return list(ctx, q, scanPlacedRepository, repositoriesValueAscending, f.arguments(string(by), from.Value, from.Name, limit)...)
	}
}

// A FoundRepository is a repository with how much it holds.
type FoundRepository struct {
	Repository
	Images, Bytes int64 // see [Usage]
}

// FoundRepositories returns those of the ids that are repositories.
func (q queries) FoundRepositories(ctx context.Context, ids []string) ([]FoundRepository, error) {
	return list(ctx, q, func(rows *sql.Rows) (f FoundRepository, err error) {
		err = rows.Scan(append(f.Repository.fields(), &f.Images, &f.Bytes)...)
		return f, err
	}, foundRepositories, jsonList(ids))
}

const foundRepositories = `SELECT ` + repositoryColumns + `,
	(SELECT CAST(COALESCE(SUM(u.images), 0) AS BIGINT) FROM repository_usage u WHERE u.repository_id = r.id),
	(SELECT CAST(COALESCE(SUM(u.bytes), 0) AS BIGINT) FROM repository_usage u WHERE u.repository_id = r.id)
	FROM repositories r WHERE r.id IN (SELECT value FROM json_each($1))`

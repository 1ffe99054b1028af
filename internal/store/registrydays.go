package store

import (
	"context"
	"database/sql"
)

// A RegistryDay is what happened to the images of a registry on a day.
type RegistryDay struct {
	Day           int64 // since 1970-01-01, in UTC
	Pushes, Pulls int64
}

// CountDay adds to what happened to the images of a registry on a day. Callers that
// add to several do so in the order of account, region and day.
func (tx *Tx) CountDay(ctx context.Context, account, region string, d RegistryDay) error {
	_, err := tx.exec(ctx, `INSERT INTO registry_days (account, region, day, pushes, pulls) VALUES ($1,$2,$3,$4,$5)
		ON CONFLICT (account, region, day) DO UPDATE SET pushes = registry_days.pushes + excluded.pushes, pulls = registry_days.pulls + excluded.pulls`,
		account, region, d.Day, d.Pushes, d.Pulls)
	return err
}

// RegistryDays returns the days of a registry from one on, the oldest first.
func (q queries) RegistryDays(ctx context.Context, account, region string, from int64, limit int) ([]RegistryDay, error) {
	return list(ctx, q, func(rows *sql.Rows) (d RegistryDay, err error) {
		err = rows.Scan(&d.Day, &d.Pushes, &d.Pulls)
		return d, err
	}, `SELECT day, pushes, pulls FROM registry_days WHERE account = $1 AND region = $2 AND day >= $3 ORDER BY day LIMIT $4`, account, region, from, limit)
}

// DeleteDays forgets the days of all registries before one.
func (tx *Tx) DeleteDays(ctx context.Context, before int64) error {
	_, err := tx.exec(ctx, `DELETE FROM registry_days WHERE day < $1`, before)
	return err
}

// A PulledRepository is how often something of a repository was pulled.
type PulledRepository struct {
	Name  string
	Pulls int64
}

// MostPulled returns the repositories of a registry that were pulled most since a
// day, the most pulled first.
func (q queries) MostPulled(ctx context.Context, account, region string, from int64, limit int) ([]PulledRepository, error) {
	return list(ctx, q, func(rows *sql.Rows) (p PulledRepository, err error) {
		err = rows.Scan(&p.Name, &p.Pulls)
		return p, err
	}, `SELECT name, pulls FROM (SELECT r.name, (SELECT CAST(SUM(p.pulls) AS BIGINT) FROM pull_counts p
			WHERE p.repository_id = r.id AND p.reference = '' AND p.day >= $3) AS pulls
		FROM repositories r WHERE r.account = $1 AND r.region = $2) AS pulled WHERE pulls > 0 ORDER BY pulls DESC, name LIMIT $4`,
		account, region, from, limit)
}

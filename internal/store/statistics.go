package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// SQLite takes for granted that one equality narrows a table down to ten rows,
// and so reads a whole repository through one index where another would lead to
// the one row. These statistics tell it otherwise. They are made up, the same
// whatever is stored: a plan that was tested stays.
const (
	rowsOfTable = 1_000_000
	rowsOfOwner = 100_000 // of a registry or a repository
	rowsOfKey   = 10      // of anything else, unless it is unique
)

// owners are the columns that many rows have in common.
var owners = []string{"account", "region", "repository_id"}

// describeTables gives SQLite the statistics of all tables and makes the
// connection use them; later ones find them there. It does nothing if there are
// any, unless the schema has changed.
func describeTables(ctx context.Context, q queries, changed bool) error {
	n, err := list(ctx, q, scanString, `SELECT name FROM sqlite_schema WHERE name = 'sqlite_stat1'`)
	if err != nil || len(n) > 0 && !changed {
		return err
	}
	// The first one makes the table, the second one reads it.
	const analyze = `ANALYZE sqlite_schema`
	if _, err := q.exec(ctx, analyze); err != nil {
		return err
	}
	if _, err := q.exec(ctx, `DELETE FROM sqlite_stat1`); err != nil {
		return err
	}
	if err := describeIndexes(ctx, q); err != nil {
		return err
	}
	_, err = q.exec(ctx, analyze)
	return err
}

func describeIndexes(ctx context.Context, q queries) error {
	indexes, err := list(ctx, q, scanString, `SELECT t.name || ' ' || CASE WHEN i.origin = 'pk' AND t.wr THEN t.name ELSE i.name END || ' ' || i."unique" || ' ' ||
		(SELECT group_concat(name) FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno))
		FROM pragma_table_list t, pragma_index_list(t.name) i WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite%'`)
	if err != nil {
		return err
	}
	for _, index := range indexes {
		var table, name, unique, columns string
		if _, err := fmt.Sscan(index, &table, &name, &unique, &columns); err != nil {
			return fmt.Errorf("index %q: %w", index, err)
		}
		text := describeIndex(strings.Split(columns, ","), unique == "1")
		if _, err := q.exec(ctx, `INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ($1,$2,$3)`, table, name, text); err != nil {
			return err
		}
	}
	return nil
}

// describeIndex returns how many rows the table has, and how many of them are
// alike in the first column, the first two, and so on.
func describeIndex(columns []string, unique bool) string {
	numbers := []string{strconv.Itoa(rowsOfTable)}
	alike := rowsOfOwner
	for i, column := range columns {
		switch {
		case unique && i == len(columns)-1:
			alike = 1
		case !slices.Contains(owners, column):
			alike = rowsOfKey
		}
		numbers = append(numbers, strconv.Itoa(alike))
	}
	return strings.Join(numbers, " ")
}

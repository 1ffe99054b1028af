package store

import "testing"

func TestSummaryOfAStatementIsItsVerbAndTable(t *testing.T) {
	for query, want := range map[string]string{
		`SELECT name FROM tags WHERE x = $1`:                        "SELECT tags",
		"INSERT INTO manifests (a)\n\t\tSELECT b FROM tags":         "INSERT manifests",
		"UPDATE blobs SET x = 1":                                    "UPDATE blobs",
		`DELETE FROM tags WHERE digest = 'FROM secret'`:             "DELETE tags",
		`SELECT COUNT(*) FROM (SELECT 1 FROM repositories LIMIT 1)`: "SELECT repositories",
		`SELECT 1 FROM "quoted"`:                                    "SELECT ",
		`PRAGMA wal_checkpoint(NOOP)`:                               "PRAGMA ",
		`SELECT`:                                                    "SELECT ",
		``:                                                          " ",
		`SELECT (SELECT x FROM (SELECT y FROM images, tags)) AS found WHERE 1 = FROM`: "SELECT images",
	} {
		if verb, table := summary(query); verb+" "+table != want {
			t.Errorf("%s: %q %q, want %q", query, verb, table, want)
		}
	}
}

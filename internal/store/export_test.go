package store

import "time"

// SQLiteText is a statement as SQLite gets it.
func SQLiteText(query string) string { return newSQLiteDialect().query(query) }

// Statements that look at all that a repository or a registry has.
const (
	DigestsTagged               = digestsTagged
	FoundImages                 = foundImages
	FoundRepositories           = foundRepositories
	RepositoriesValueAscending  = repositoriesValueAscending
	RepositoriesValueDescending = repositoriesValueDescending
)

// AgeTrashHolds makes a server's sightings of the holds on the trash older.
func AgeTrashHolds(s *Store, by time.Duration) {
	seen := &s.engine.(*postgresEngine).holds
	seen.mu.Lock()
	defer seen.mu.Unlock()
	for id, hold := range seen.seen {
		hold.since = hold.since.Add(-by)
		seen.seen[id] = hold
	}
}

package store

// SQLiteText is a statement as SQLite gets it.
func SQLiteText(query string) string { return newSQLiteDialect().query(query) }

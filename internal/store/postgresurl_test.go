package store

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestWhatAPostgresURLMeans(t *testing.T) {
	for _, c := range []struct {
		url                      string
		writable, pooled, listen bool
		most                     int
		timeout                  time.Duration
	}{
		{"postgres://u@a/db", false, false, true, 16, 3 * time.Second},
		{"postgres://u@a/db?sslmode=prefer", false, false, true, 16, 3 * time.Second}, // with and without TLS is one host
		{"postgres://u@a,b,c/db", true, false, true, 16, 3 * time.Second},
		{"postgres://u@a:1,a:2/db?pool_max_conns=40&connect_timeout=7", true, false, true, 40, 7 * time.Second},
		{"postgres://u@a,b/db?target_session_attrs=any", false, false, true, 16, 3 * time.Second},
		{"postgres://u@a/db?target_session_attrs=read-write", true, false, true, 16, 3 * time.Second},
		{"postgres://u@a/db?pooling=transaction", false, true, true, 16, 3 * time.Second},
		{"postgres://u@a/db?default_query_exec_mode=exec", false, true, true, 16, 3 * time.Second},
		{"postgres://u@a,b/db?listen=off&load_balance_hosts=random", true, false, false, 16, 3 * time.Second},
	} {
		u, err := parsePostgres(c.url)
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		if writable := u.connection.ValidateConnect != nil; writable != c.writable || u.pooled != c.pooled || u.listen != c.listen || u.most != c.most || u.connection.ConnectTimeout != c.timeout {
			t.Errorf("%s means %+v, writable %v", c.url, u, writable)
		}
		prepares := u.connection.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement
		if prepares == u.pooled {
			t.Errorf("%s: statements are prepared: %v", c.url, prepares)
		}
		for name := range u.connection.RuntimeParams {
			if name != "application_name" {
				t.Errorf("%s sends the server %s", c.url, name)
			}
		}
	}
}

func TestMistakesInAPostgresURLAreRefused(t *testing.T) {
	for _, url := range []string{
		"postgres://u@a/db?pool_max_conns=1", "postgres://u@a/db?pool_max_conns=many", "postgres://u@a/db?pooling=statement",
		"postgres://u@a/db?listen=maybe", "postgres://u@a/db?pool_max_conn_lifetime=long", "postgres://u@a/db?target_session_attrs=best",
	} {
		if _, err := parsePostgres(url); err == nil {
			t.Errorf("%s was taken", url)
		}
	}
}

func TestConnectionsThatBeganTogetherEndApart(t *testing.T) {
	u, err := parsePostgres("postgres://u@a/db?pool_max_conn_lifetime=1h")
	if err != nil {
		t.Fatal(err)
	}
	p := newPatience(nil)
	ends := map[time.Time]bool{}
	now := time.Now()
	for range 16 {
		b := u.birth(p)
		if left := b.ends.Sub(now); left < 45*time.Minute || left > 61*time.Minute || b.isPast(p) {
			t.Errorf("a connection lives for %v", left)
		}
		ends[b.ends] = true
	}
	if len(ends) < 8 {
		t.Errorf("16 connections have %d ends", len(ends))
	}
	b := u.birth(p)
	p.meet(errReadOnly)
	if !b.isPast(p) || u.birth(p).isPast(p) {
		t.Error("a connection of before the trouble is used, or none of after it")
	}
}

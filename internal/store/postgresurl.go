package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// What a URL does not say of its connections.
const (
	postgresConnections = 16 // at most, of a node
	connectionLifetime  = 30 * time.Minute
	connectionIdleTime  = 5 * time.Minute
	connectTimeout      = 3 * time.Second // for each host
)

// A host that vanished answers nothing, not even that it is gone: a connection
// to it ends after about this long, whether it waits for an answer or for the
// next statement.
const vanishedAfter = 10 * time.Second

var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 4 * time.Second, Interval: 2 * time.Second, Count: 3}

// A postgresURL is what a PostgreSQL URL says: what the driver reads, and what
// is ours.
type postgresURL struct {
	connection     *pgx.ConnConfig
	most           int           // connections
	lifetime, idle time.Duration // of a connection; 0 is without an end
	anyHost        bool          // hosts are tried in any order
	pooled         bool          // a pooler gives every transaction another session
	listen         bool          // the server has LISTEN and NOTIFY
}

// parsePostgres reads a PostgreSQL URL. Of several hosts it means the one that
// can be written to, unless it says otherwise.
func parsePostgres(text string) (*postgresURL, error) {
	connection, err := pgx.ParseConfig(text)
	if err != nil {
		return nil, err
	}
	u := &postgresURL{connection: connection}
	if err := u.takeOurs(connection.RuntimeParams); err != nil {
		return nil, err
	}
	if severalHosts(&connection.Config) && connection.ValidateConnect == nil && !saysWhichHost(text) {
		connection.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if connection.ConnectTimeout == 0 {
		connection.ConnectTimeout = connectTimeout
	}
	dialer := net.Dialer{Timeout: connection.ConnectTimeout, KeepAliveConfig: keepAlive, Control: noticeVanished}
	connection.DialFunc = dialer.DialContext
	if connection.RuntimeParams["application_name"] == "" {
		connection.RuntimeParams["application_name"] = "nifuda"
	}
	return u, nil
}

// takeOurs takes the parameters that are ours out of those for the server.
func (u *postgresURL) takeOurs(parameters map[string]string) error {
	take := func(name, unset string) string {
		value, ok := parameters[name]
		delete(parameters, name)
		if !ok {
			return unset
		}
		return value
	}
	var errs []error
	choose := func(name, unset, other string) (chosen bool) {
		value := take(name, unset)
		if value != unset && value != other {
			errs = append(errs, fmt.Errorf("parameter %s=%s: want %s or %s", name, value, unset, other))
		}
		return value == other
	}
	last := func(name string, unset time.Duration) time.Duration {
		d, err := time.ParseDuration(take(name, unset.String()))
		if err != nil || d < 0 {
			errs = append(errs, fmt.Errorf("parameter %s: want a time such as 30m", name))
		}
		return d
	}
	var err error
	if u.most, err = strconv.Atoi(take("pool_max_conns", strconv.Itoa(postgresConnections))); err != nil || u.most < 2 {
		errs = append(errs, errors.New("parameter pool_max_conns: want a number of connections, at least 2"))
	}
	u.lifetime = last("pool_max_conn_lifetime", connectionLifetime)
	u.idle = last("pool_max_conn_idle_time", connectionIdleTime)
	u.anyHost = choose("load_balance_hosts", "disable", "random")
	mode := &u.connection.DefaultQueryExecMode
	if u.pooled = choose("pooling", "session", "transaction"); u.pooled && *mode == pgx.QueryExecModeCacheStatement {
		*mode = pgx.QueryExecModeExec
	}
	// Who says so by the driver's own parameter means a pooler.
	u.pooled = u.pooled || *mode == pgx.QueryExecModeExec || *mode == pgx.QueryExecModeSimpleProtocol
	u.listen = !choose("listen", "on", "off")
	return errors.Join(errs...)
}

// severalHosts reports whether there is more than one host, which may each
// occur with and without TLS.
func severalHosts(c *pgconn.Config) bool {
	for _, f := range c.Fallbacks {
		if f.Host != c.Host || f.Port != c.Port {
			return true
		}
	}
	return false
}

// saysWhichHost reports whether target_session_attrs is set, if only to any.
func saysWhichHost(text string) bool {
	_, query, _ := strings.Cut(text, "?")
	values, err := url.ParseQuery(query)
	return err == nil && values.Has("target_session_attrs") || os.Getenv("PGTARGETSESSIONATTRS") != ""
}

// open returns the pool of connections. Those that are older than the newest
// trouble are not used any more.
func (u *postgresURL) open(p *patience) *sql.DB {
	options := []stdlib.OptionOpenDB{
		stdlib.OptionAfterConnect(func(_ context.Context, c *pgx.Conn) error {
			c.PgConn().CustomData()[birthKey] = u.birth(p)
			return nil
		}),
		stdlib.OptionResetSession(func(_ context.Context, c *pgx.Conn) error {
			if b, ok := c.PgConn().CustomData()[birthKey].(birth); !ok || b.isPast(p) {
				return driver.ErrBadConn
			}
			return nil
		}),
		// A connection that broke shows with its next statement, which is repeated.
		stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false }),
	}
	if u.anyHost {
		options = append(options, stdlib.OptionBeforeConnect(stdlib.RandomizeHostOrderFunc))
	}
	db := stdlib.OpenDB(*u.connection, options...)
	db.SetMaxOpenConns(u.most)
	db.SetMaxIdleConns(u.most)
	db.SetConnMaxIdleTime(u.idle)
	return db
}

// openURL returns a pool for the work of a command, which gives up when the
// database does.
func openURL(text string) (*sql.DB, error) {
	u, err := parsePostgres(text)
	if err != nil {
		return nil, err
	}
	return u.open(newPatience(nil)), nil
}

const birthKey = "nifuda"

// A birth says until when a connection is used.
type birth struct {
	epoch uint64
	ends  time.Time // zero is never
}

// birth has connections that began together end apart, so that a cluster which
// was failed over or rebalanced is followed by and by.
func (u *postgresURL) birth(p *patience) birth {
	b := birth{epoch: p.epoch.Load()}
	if u.lifetime > 0 {
		b.ends = time.Now().Add(u.lifetime - rand.N(u.lifetime/5+1))
	}
	return b
}

func (b birth) isPast(p *patience) bool {
	return b.epoch != p.epoch.Load() || !b.ends.IsZero() && time.Now().After(b.ends)
}

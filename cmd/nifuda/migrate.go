package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/backup"
	"github.com/nifuda/nifuda/internal/config"
	"github.com/nifuda/nifuda/internal/migrate"
	"github.com/nifuda/nifuda/internal/server"
)

type moveAway struct {
	config.Config

	From      string `help:"Database to move: sqlite:PATH or postgres://… (default: the one of --database)." placeholder:"URL"`
	FromBlobs string `help:"Blobs to move: file:PATH or s3://… (default: those of --blobs)." placeholder:"URL"`
	To        string `help:"Where the database goes (default: it stays)." placeholder:"URL"`
	ToBlobs   string `help:"Where the blobs go (default: they stay)." placeholder:"URL"`
	Finish    bool   `help:"Make the last pass, which moves the database too. The server of the source must be stopped, or run with --read-only on."`
	Check     bool   `name:"verify" help:"Read every blob of the target at the end."`
	Parallel  int    `default:"8" help:"Blobs to copy at the same time (default ${default})." placeholder:"N"`
	Scratch   string `help:"Directory with space for a copy of an SQLite database (default: the system's for temporary files)." placeholder:"DIR"`
	Output    string `default:"text" enum:"text,json" help:"Form of the output: text or json (default ${default})." placeholder:"FORM"`
}

// AfterApply takes what is not said from the settings of the server.
func (c *moveAway) AfterApply() error {
	if err := c.Config.AfterApply(); err != nil {
		return err
	}
	c.From = cmp.Or(c.From, c.Database)
	c.FromBlobs = cmp.Or(c.FromBlobs, c.Blobs)
	c.To = cmp.Or(c.To, c.From)
	c.ToBlobs = cmp.Or(c.ToBlobs, c.FromBlobs)
	return nil
}

// Validate refuses what names no place.
func (c *moveAway) Validate() error {
	if c.Parallel < 1 {
		return errors.New("--parallel: must be positive")
	}
	return errors.Join(checkPlace(c.Config, "from", c.From, c.FromBlobs), checkPlace(c.Config, "to", c.To, c.ToBlobs))
}

// checkPlace says of which flag the settings' mistake is.
func checkPlace(settings config.Config, flag, database, blobs string) error {
	settings.Database, settings.Blobs = database, blobs
	err := settings.Validate()
	if err == nil {
		return nil
	}
	return errors.New(strings.NewReplacer("--database:", "--"+flag+":", "--blobs:", "--"+flag+"-blobs:").Replace(err.Error()))
}

// Run makes one pass of a move.
func (c *moveAway) Run(w io.Writer) error {
	ctx, stop := untilTerminated()
	defer stop()
	say := printLines(w)
	if c.Output == "json" {
		say = printLines(os.Stderr)
	}
	report, err := migrate.Run(ctx, migrate.Options{
		From: migrate.Place{Database: c.From, Blobs: c.FromBlobs}, To: migrate.Place{Database: c.To, Blobs: c.ToBlobs},
		Finish: c.Finish, Verify: c.Check, Parallel: c.Parallel, Scratch: c.Scratch,
		Keys: server.SourceKeys(server.Options{Config: c.Config, Getenv: os.Getenv, Stdout: io.Discard, Log: logger(os.Stderr, c.Config), Version: version},
			func(key string) { say("Not here: %s. The new server needs it.", key) }),
		Log:      logger(os.Stderr, c.Config),
		Progress: func(p migrate.Progress) { say("%s", tellProgress(p)) },
	})
	if err != nil {
		if report.Copied.Count > 0 {
			say("Copied so far: %s. Another run goes on from there.", tellTotals(report.Copied))
		}
		return err
	}
	if c.Output == "json" {
		err = json.NewEncoder(w).Encode(report)
	} else {
		c.summarize(w, report)
	}
	if len(report.Damaged) > 0 {
		err = errors.Join(err, fmt.Errorf("damaged at the source, and not moved: %s", backup.Count(int64(len(report.Damaged)), "blob")))
	}
	return err
}

func (c *moveAway) summarize(w io.Writer, r migrate.Report) {
	fmt.Fprintf(w, "Blobs at the source: %s. Copied now: %s, of which %d are checked against their digests.\n",
		tellTotals(r.Blobs), tellTotals(r.Copied), r.Checked.Count)
	if r.Unopened > 0 {
		fmt.Fprintf(w, "Sealed, and copied without a look inside because their key is not to be had here: %s.\n", backup.Count(r.Unopened, "blob"))
	}
	if r.Unneeded > 0 {
		fmt.Fprintf(w, "No longer needed in the target: %s. The new server removes them.\n", backup.Count(r.Unneeded, "blob"))
	}
	for _, d := range r.Damaged {
		fmt.Fprintf(w, "Blob %s at %s is damaged at the source: %s\n", d.Digest, d.Location, d.Reason)
	}
	if r.Verified.Count > 0 {
		fmt.Fprintf(w, "Read again from the target: %s.\n", tellTotals(r.Verified))
	}
	if !r.Finished {
		fmt.Fprintf(w, "This pass took %s. The source may go on; run it again to copy what is new. To end the move, restart the server with --read-only on and add --finish.\n", roundTime(r.Took))
		return
	}
	if r.Rows != nil && c.To != c.From {
		fmt.Fprintf(w, "Database: %s in %s, compared row by row: %d repositories, %d images, %d tags, %d users, roles and policies.\n",
			backup.Count(r.AllRows(), "row"), backup.Count(int64(len(r.Rows)), "table"), r.Rows["repositories"], r.Rows["manifests"], r.Rows["tags"], r.Rows["identities"])
	}
	fmt.Fprintf(w, "The move is complete. This pass took %s.\n", roundTime(r.Took))
	fmt.Fprintf(w, "Start the new server with --database and --blobs of the target, and with the server key (%s/keys/server.key) and the key ring (%s) of the old one. Never start the old one again but with --read-only on.\n",
		c.Data, c.SealKeys)
}

func tellTotals(t migrate.Totals) string {
	return fmt.Sprintf("%s (%s)", backup.Count(t.Count, "blob"), tellBytes(float64(t.Bytes)))
}

func tellProgress(p migrate.Progress) string {
	line := fmt.Sprintf("%d of %d blobs %s, %s of %s, %s/s", p.Done.Count, p.All.Count, p.What, tellBytes(float64(p.Done.Bytes)), tellBytes(float64(p.All.Bytes)), tellBytes(p.Rate))
	if p.Left > 0 {
		line += ", about " + roundTime(p.Left).String() + " left"
	}
	return line
}

func roundTime(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(time.Second)
}

// tellBytes writes 1.5 MiB.
func tellBytes(n float64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	unit := 0
	for n >= 1024 && unit < len(units)-1 {
		n /= 1024
		unit++
	}
	if n == math.Trunc(n) {
		return fmt.Sprintf("%.0f %s", n, units[unit])
	}
	return fmt.Sprintf("%.1f %s", n, units[unit])
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/nifuda/nifuda/internal/backup"
	"github.com/nifuda/nifuda/internal/config"
	"github.com/nifuda/nifuda/internal/server"
)

type takeBackup struct {
	config.Config

	Target   string `arg:"" help:"Where to: a directory, or s3://bucket/prefix?endpoint=URL&region=NAME&path-style=true."`
	List     bool   `help:"List the snapshots of the target and do nothing else." xor:"list,keys"`
	Keep     int    `help:"Remove all but so many snapshots afterwards, and the blobs that none of them needs (default: keep all)." placeholder:"N" xor:"list"`
	WithKeys bool   `name:"with-keys" help:"Put the server key and the key ring into the backup: whoever reads it can then read everything." xor:"keys"`
}

// Validate refuses what cannot be counted.
func (c *takeBackup) Validate() error {
	if c.Keep < 0 {
		return errors.New("--keep: must not be negative")
	}
	return nil
}

// Run takes a snapshot, or lists those that there are.
func (c *takeBackup) Run(w io.Writer) error {
	ctx, stop := untilTerminated()
	defer stop()
	if c.List {
		return c.list(ctx, w)
	}
	if c.WithKeys {
		fmt.Fprintln(os.Stderr, "Warning: the backup will hold the keys. Keep it as safe as they are.")
	}
	taken, err := backup.Take(ctx, installation(c.Config), c.Target, backup.Options{
		Version: version, WithKeys: c.WithKeys, Keep: c.Keep, Progress: printLines(w),
	})
	if taken.Name == "" {
		return err
	}
	fmt.Fprintf(w, "Snapshot %s: %s; copied: %s. The database was read for %s.\n",
		taken.Name, taken.Blobs, taken.Copied, taken.Reading.Round(time.Millisecond))
	for _, name := range taken.Removed {
		fmt.Fprintf(w, "Snapshot %s is removed.\n", name)
	}
	if c.Keep > 0 {
		fmt.Fprintf(w, "No snapshot needed %s any more: removed.\n", taken.Dropped)
	}
	c.sayKeys(w, taken.Snapshot)
	return errors.Join(err, sayDamaged(w, "is damaged and not in the backup", taken.Damaged))
}

func (c *takeBackup) sayKeys(w io.Writer, s backup.Snapshot) {
	if len(s.Keys) > 0 {
		fmt.Fprintf(w, "The backup holds the keys %s.\n", strings.Join(s.Keys, ", "))
		return
	}
	fmt.Fprintf(w, "Keys are not in the backup. Keep elsewhere: %s/keys/server.key and the key ring at %s.\n", c.Data, c.SealKeys)
}

func (c *takeBackup) list(ctx context.Context, w io.Writer) error {
	all, err := backup.List(ctx, c.Target)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("%s %w", c.Target, backup.ErrNoBackup)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SNAPSHOT\tTAKEN\tBLOBS\tBYTES\tDAMAGED\tKEYS\tVERSION")
	for _, s := range all {
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%s\t%s\n", s.Name, s.TakenAt.Format(time.RFC3339), s.Blobs.Count, s.Blobs.Bytes,
			len(s.Damaged), orDash(strings.Join(s.Keys, ",")), s.Version)
	}
	return table.Flush()
}

type restoreBackup struct {
	config.Config

	Source     string   `arg:"" optional:"" help:"Where from: the target of a backup."`
	Snapshot   string   `help:"Name of the snapshot (default: the newest)." placeholder:"NAME"`
	Verify     bool     `default:"true" negatable:"" help:"Read everything afterwards and say what is damaged (default: do)."`
	BlobsOnly  bool     `name:"blobs-only" help:"Without a backup: find the layers that are left in the directory of --blobs, so that no push sends them again."`
	Repository []string `help:"With --blobs-only: repository to put the layers into; it is made if it is missing. Can be repeated." placeholder:"NAME"`
}

func (c *restoreBackup) check() error {
	switch {
	case c.BlobsOnly && (c.Source != "" || c.Snapshot != ""):
		return errors.New("--blobs-only: takes no backup: it reads the directory of --blobs")
	case c.BlobsOnly && len(c.Repository) == 0:
		return errors.New("--blobs-only: wants --repository NAME")
	case !c.BlobsOnly && len(c.Repository) > 0:
		return errors.New("--repository: is for --blobs-only")
	case !c.BlobsOnly && c.Source == "":
		return errors.New("name the target of a backup, or use --blobs-only")
	}
	return nil
}

// Run makes an installation of a snapshot, or of the blobs that are left.
func (c *restoreBackup) Run(w io.Writer) error {
	if err := c.check(); err != nil {
		return err
	}
	ctx, stop := untilTerminated()
	defer stop()
	if c.BlobsOnly {
		return c.recover(ctx, w)
	}
	restored, err := backup.Restore(ctx, c.Source, c.Snapshot, installation(c.Config), printLines(w))
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "Snapshot %s is restored: %s; copied: %s.\n", restored.Name, restored.Blobs, restored.Copied)
	if restored.NeedsKey {
		fmt.Fprintf(w, "Before the server starts, put the backed up installation's server key at %s/keys/server.key and its key ring at %s: what is sealed opens with them alone.\n", c.Data, c.SealKeys)
	}
	lost := sayDamaged(w, "is lost", restored.Lost)
	if restored.NeedsKey || !c.Verify {
		fmt.Fprintln(w, "It is not verified yet: run nifuda verify when the server runs.")
		return lost
	}
	return errors.Join(lost, c.verify(ctx, w))
}

func (c *restoreBackup) verify(ctx context.Context, w io.Writer) error {
	damage, err := server.Verify(ctx, c.options(w), printLines(w))
	if err != nil {
		return fmt.Errorf("it is restored, and could not be verified: %w", err)
	}
	if damage > 0 {
		return fmt.Errorf("damaged: %d", damage)
	}
	return nil
}

func (c *restoreBackup) options(w io.Writer) server.Options {
	return server.Options{Config: c.Config, Getenv: os.Getenv, Stdout: w, Log: logger(os.Stderr, c.Config), Version: version}
}

// recover makes blobs of the files of a lost database.
func (c *restoreBackup) recover(ctx context.Context, w io.Writer) error {
	found, err := server.RecoverBlobs(ctx, c.options(w), c.Repository)
	if err != nil && (ctx.Err() != nil || found.Recovered+found.Known > 0) {
		return fmt.Errorf("run it again to go on: %w", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "Recovered %s (%s), known before: %d. New in %s: %d.\n",
		backup.Count(found.Recovered, "layer"), backup.Count(found.Bytes, "byte"), found.Known, strings.Join(c.Repository, ", "), found.Links)
	if found.Copies > 0 {
		fmt.Fprintf(w, "%s more with the bytes of one of them.\n", backup.Count(found.Copies, "file"))
	}
	if found.Locked > 0 {
		fmt.Fprintf(w, "%s sealed under KMS keys of repositories, which were in the database: not to be opened.\n", backup.Count(found.Locked, "file"))
	}
	for _, d := range found.Damaged {
		fmt.Fprintf(w, "File %s is damaged: %s\n", d.Location, d.Reason)
	}
	fmt.Fprintf(w, "Push the images again within %s (--gc-grace): what none uses is collected then.\n", c.GracePeriod())
	if left := found.Copies + found.Locked + int64(len(found.Damaged)); left > 0 {
		fmt.Fprintf(w, "A server removes files that are of no blob, which here is %s: move what you want to keep elsewhere before you start it.\n", backup.Count(left, "file"))
	}
	if len(found.Damaged) > 0 {
		return fmt.Errorf("damaged: %s", backup.Count(int64(len(found.Damaged)), "file"))
	}
	return nil
}

// installation is where the settings say that everything is.
func installation(c config.Config) backup.Installation {
	ring, isFile := strings.CutPrefix(c.SealKeys, "file:")
	switch {
	case isFile:
	case strings.HasPrefix(c.SealKeys, "kms:"):
		ring = filepath.Join(c.Data, "seal-keys.kms") // wrapped by that KMS
	default:
		ring = ""
	}
	return backup.Installation{Database: c.Database, Blobs: c.Blobs, Data: c.Data, KeyRing: ring}
}

func printLines(w io.Writer) func(format string, args ...any) {
	return func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
}

func sayDamaged(w io.Writer, what string, all []backup.Damage) error {
	for _, d := range all {
		fmt.Fprintf(w, "Blob %s at %s %s: %s\n", d.Digest, d.Location, what, d.Reason)
	}
	if len(all) > 0 {
		return fmt.Errorf("damaged: %s", backup.Count(int64(len(all)), "blob"))
	}
	return nil
}

// untilTerminated returns a context that ends when the process is asked to, by a
// person or by what runs it.
func untilTerminated() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

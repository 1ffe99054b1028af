package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/client"
	"github.com/nifuda/nifuda/internal/config"
	"github.com/nifuda/nifuda/internal/nifuda"
)

// An exitError ends the process with a status of its own. Without an error it
// says nothing: the command has.
type exitError struct {
	status int
	err    error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// How verify ends: with 0 where nothing is damaged.
const (
	exitDamaged = 1
	exitNotRead = 2
)

type verify struct {
	apiCall

	Repair bool   `xor:"repair" help:"Mend what can be mended from what is there, and mark damaged blobs, so that a pull of one fails clearly and a push of it heals."`
	Rate   string `xor:"rate" help:"Bytes to read in a second at most, such as 50MiB; 0 is as many as can be (the server's --scrub-rate otherwise)." placeholder:"BYTES"`
	Status bool   `xor:"status,rate,repair" help:"Only tell how far the verification is, or what the last one found, and when everything was last read."`
	Stop   bool   `xor:"status,rate,repair" help:"End the verification that is running."`
}

// pollInterval is how often the server is asked how far it is.
var pollInterval = time.Second

const (
	// progressInterval is how often that is told.
	progressInterval = 5 * time.Second
	// outage is how long a server may not answer: it goes on after a restart.
	outage = time.Minute
)

// Run has everything read that a server stores, and prints what is found.
func (c *verify) Run(w io.Writer) error {
	ctx, stop := interruptible()
	defer stop()
	err := c.run(ctx, w)
	if _, ok := errors.AsType[*exitError](err); err == nil || ok {
		return err
	}
	return &exitError{exitNotRead, err}
}

func (c *verify) run(ctx context.Context, w io.Writer) error {
	api, err := c.client(ctx)
	if err != nil {
		return err
	}
	switch {
	case c.Status:
		return c.status(ctx, w, api)
	case c.Stop:
		var out nifuda.StopVerificationResponse
		if err := api.Call(ctx, "StopVerification", nifuda.StopVerificationRequest{}, &out); err != nil {
			return err
		}
		return c.print(w, out, func(w io.Writer) error { return tellVerification(w, out.Verification) })
	}
	in := nifuda.StartVerificationRequest{Repair: &c.Repair}
	if c.Rate != "" {
		rate, err := config.ParseSize(c.Rate)
		if err != nil {
			return fmt.Errorf("--rate: %w", err)
		}
		in.Rate = &rate
	}
	var started nifuda.StartVerificationResponse
	if err := api.Call(ctx, "StartVerification", in, &started); err != nil {
		return err
	}
	ended, err := c.await(ctx, api, started.Verification)
	if err != nil {
		return err
	}
	if err := c.print(w, ended, func(w io.Writer) error { return tellVerification(w, ended) }); err != nil {
		return err
	}
	return verdict(ended)
}

// verdict is how the command ends.
func verdict(v *nifuda.Verification) error {
	switch {
	case v.Status == nifuda.VerificationStatusFailed:
		return &exitError{status: exitNotRead}
	case v.Damage > 0:
		return &exitError{status: exitDamaged}
	}
	return nil
}

func (c *verify) status(ctx context.Context, w io.Writer, api *client.Client) error {
	var out nifuda.DescribeVerificationResponse
	if err := api.Call(ctx, "DescribeVerification", nifuda.DescribeVerificationRequest{}, &out); err != nil {
		return err
	}
	return c.print(w, out, func(w io.Writer) error {
		for _, work := range []struct {
			name string
			*nifuda.Verification
		}{{"The last verification", out.Verification}, {"The scrub", out.Scrub}} {
			if work.Verification == nil {
				fmt.Fprintf(w, "%s: never began.\n", work.name)
				continue
			}
			fmt.Fprintf(w, "%s: ", work.name)
			if err := tellVerification(w, work.Verification); err != nil {
				return err
			}
		}
		return nil
	})
}

// await asks for the verification that was started until it has ended.
func (c *verify) await(ctx context.Context, api *client.Client, v *nifuda.Verification) (*nifuda.Verification, error) {
	began, told, answered := v.StartedAt, time.Now(), time.Now()
	for v.Status == nifuda.VerificationStatusRunning {
		select {
		case <-time.After(pollInterval):
		case <-ctx.Done():
			return nil, errors.New("the verification goes on without this command: see nifuda verify --status, or end it with nifuda verify --stop")
		}
		var out nifuda.DescribeVerificationResponse
		err := api.Call(ctx, "DescribeVerification", nifuda.DescribeVerificationRequest{}, &out)
		if _, refused := errors.AsType[*nifuda.Error](err); refused || err != nil && time.Since(answered) > outage {
			return nil, err
		}
		if err != nil {
			continue
		}
		if out.Verification == nil || !out.Verification.StartedAt.Equal(began.Time) {
			return nil, errors.New("another verification was started")
		}
		v, answered = out.Verification, time.Now()
		if time.Since(told) > progressInterval && v.Status == nifuda.VerificationStatusRunning {
			told = time.Now()
			fmt.Fprintf(os.Stderr, "Reading %s: %s so far.\n", v.Step, amounts(v))
		}
	}
	return v, nil
}

func amounts(v *nifuda.Verification) string {
	return fmt.Sprintf("%d blobs, %d manifests, %d tags, %d links and %d files, %s", v.Blobs, v.Manifests, v.Tags, v.Links, v.Files, inBytes(v.Bytes))
}

// inBytes writes a number of bytes for people.
func inBytes(n int64) string {
	for _, unit := range []struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= unit.bytes {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(unit.bytes), unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

// tellVerification prints what a verification has read and found.
func tellVerification(w io.Writer, v *nifuda.Verification) error {
	var b strings.Builder
	switch v.Status {
	case nifuda.VerificationStatusRunning:
		fmt.Fprintf(&b, "Reading %s since %s: %s so far.\n", v.Step, v.StartedAt.UTC().Format(time.RFC3339), amounts(v))
	case nifuda.VerificationStatusFailed:
		fmt.Fprintf(&b, "Not everything was read: %s. Read were %s.\n", v.Failure, amounts(v))
	default:
		fmt.Fprintf(&b, "Read everything until %s: %s.\n", v.EndedAt.UTC().Format(time.RFC3339), amounts(v))
	}
	if v.Status == nifuda.VerificationStatusRunning && !v.LastCompletedAt.IsZero() {
		fmt.Fprintf(&b, "Everything was last read until %s.\n", v.LastCompletedAt.UTC().Format(time.RFC3339))
	}
	switch {
	case v.Damage > 0:
		fmt.Fprintf(&b, "Damaged: %d.\n", v.Damage)
	case v.Status == nifuda.VerificationStatusComplete:
		b.WriteString("Nothing is damaged.\n")
	default:
		b.WriteString("Nothing of it is damaged.\n")
	}
	for _, count := range v.Counts {
		fmt.Fprintf(&b, "%s: %d", count.Kind, count.Count)
		if count.Repaired > 0 {
			fmt.Fprintf(&b, ", repaired: %d", count.Repaired)
		}
		b.WriteString("\n")
	}
	for _, f := range v.Findings {
		tellFinding(&b, f)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func tellFinding(b *strings.Builder, f nifuda.Finding) {
	fmt.Fprintf(b, "\n%s: %s", f.Kind, f.Problem)
	if f.Repaired {
		b.WriteString(" Repaired.")
	}
	b.WriteString("\n")
	if f.Digest != "" {
		fmt.Fprintf(b, "  digest    %s\n", f.Digest)
	}
	if f.Location != "" {
		fmt.Fprintf(b, "  file      %s\n", f.Location)
	}
	for _, p := range f.Places {
		text := p.RepositoryArn
		if p.ImageTag != "" {
			text += ":" + p.ImageTag
		}
		if p.ImageDigest != "" {
			text += "@" + p.ImageDigest
		}
		if p.RepositoryDeleted != nil && *p.RepositoryDeleted {
			text += " (deleted)"
		}
		fmt.Fprintf(b, "  used by   %s\n", text)
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/nifuda/nifuda/internal/client"
	"github.com/nifuda/nifuda/internal/nifuda"
)

type gc struct {
	apiCall

	Now    bool `help:"Free now what nobody uses any more, and say what that was." xor:"gc"`
	Status bool `help:"Show what was freed, what waits, and how long things are kept." xor:"gc"`
}

// Validate wants to be told which of the two is to be done.
func (c *gc) Validate() error {
	if !c.Now && !c.Status {
		return errors.New("missing flags: --now or --status")
	}
	return nil
}

// Run runs the garbage collector of a server, or shows what it does.
func (c *gc) Run(w io.Writer) error {
	ctx, stop := interruptible()
	defer stop()
	api, err := c.client(ctx)
	if err != nil {
		return err
	}
	if c.Now {
		return c.collect(ctx, w, api)
	}
	var out nifuda.DescribeCollectionResponse
	if err := api.Call(ctx, "DescribeCollection", nifuda.DescribeCollectionRequest{}, &out); err != nil {
		return err
	}
	if out.Total == nil || out.Waiting == nil {
		return errors.New("the server's response lacks what was freed")
	}
	return c.print(w, out, func(w io.Writer) error { return printCollection(w, out) })
}

// collect asks until nothing is left to be looked at: the server answers after a
// while, however much there is.
func (c *gc) collect(ctx context.Context, w io.Writer, api *client.Client) error {
	all := nifuda.StartCollectionResponse{Collected: &nifuda.Collected{}}
	for !all.Complete {
		var out nifuda.StartCollectionResponse
		if err := api.Call(ctx, "StartCollection", nifuda.StartCollectionRequest{}, &out); err != nil {
			return err
		}
		if out.Collected == nil {
			return errors.New("the server's response lacks what was freed")
		}
		all.Complete = out.Complete
		all.DurationMilliseconds += out.DurationMilliseconds
		addCollected(all.Collected, *out.Collected)
	}
	return c.print(w, all, func(w io.Writer) error {
		freed := all.Collected
		if *freed == (nifuda.Collected{}) {
			_, err := fmt.Fprintln(w, "There was nothing to free.")
			return err
		}
		_, err := fmt.Fprintf(w, "Freed %s in %s: images %d, repositories %d, layers %d, files %d, uploads %d.\n", describeBytes(freed.Bytes),
			milliseconds(all.DurationMilliseconds), freed.Images, freed.Repositories, freed.Layers, freed.Files, freed.Uploads)
		if err == nil && freed.Layers > freed.Files {
			_, err = fmt.Fprintln(w, "Small layers were in the database; the files of others go after a short while, see nifuda gc --status.")
		}
		return err
	})
}

func addCollected(all *nifuda.Collected, more nifuda.Collected) {
	all.Images += more.Images
	all.Repositories += more.Repositories
	all.Links += more.Links
	all.Layers += more.Layers
	all.Files += more.Files
	all.Uploads += more.Uploads
	all.Orphans += more.Orphans
	all.Bytes += more.Bytes
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

func printCollection(w io.Writer, c nifuda.DescribeCollectionResponse) error {
	fmt.Fprintf(w, "Layers that no image uses are kept for %s, files for %s more; what was deleted can be restored for %s.\n",
		seconds(c.GracePeriodSeconds), seconds(c.TrashDelaySeconds), seconds(c.UndeleteWindowSeconds))
	last := &nifuda.Collected{}
	if c.LastPass == nil || c.LastPass.Collected == nil {
		fmt.Fprintln(w, "Nothing was freed so far.")
	} else {
		last = c.LastPass.Collected
		fmt.Fprintf(w, "The last pass that freed something began at %s and took %s.\n",
			c.LastPass.StartedAt.UTC().Format(time.RFC3339), milliseconds(c.LastPass.DurationMilliseconds))
	}
	fmt.Fprintln(w)
	wait, total := c.Waiting, c.Total
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tLAST PASS\tTOTAL\tWAITING")
	for _, row := range []struct {
		name              string
		last, total, wait any
	}{
		{"Deleted images", last.Images, total.Images, upTo(wait.DeletedImages)},
		{"Deleted repositories", last.Repositories, total.Repositories, upTo(wait.DeletedRepositories)},
		{"Links", last.Links, total.Links, upTo(wait.Links) + " now, " + upTo(wait.LinksLater) + " later"},
		{"Layers", last.Layers, total.Layers, upTo(wait.Layers)},
		{"Files", last.Files, total.Files, upTo(wait.Files)},
		{"Bytes", describeBytes(last.Bytes), describeBytes(total.Bytes), describeBytes(wait.Bytes)},
		{"Uploads", last.Uploads, total.Uploads, "-"},
		{"Orphans", last.Orphans, total.Orphans, "-"},
	} {
		fmt.Fprintf(table, "%s\t%v\t%v\t%v\n", row.name, row.last, row.total, row.wait)
	}
	return table.Flush()
}

// mostCounted is where the server stops counting what waits.
const mostCounted = 100_000

func upTo(n int64) string {
	if n >= mostCounted {
		return "over 99999"
	}
	return strconv.FormatInt(n, 10)
}

// describeBytes is 1.5 GiB and the like.
func describeBytes(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	size, prefix := float64(n)/unit, 0
	for size >= unit && prefix < len("KMGT")-1 {
		size /= unit
		prefix++
	}
	return fmt.Sprintf("%.1f %ciB", size, "KMGT"[prefix])
}

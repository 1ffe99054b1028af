package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/nifuda/nifuda/internal/nifuda"
)

type pulls struct {
	apiCall

	Repository string `arg:"" help:"Repository whose pulls are counted."`
	Tag        string `help:"Count pulls by this tag alone." xor:"image"`
	Digest     string `help:"Count pulls of this image alone, by its digest and by its tags." xor:"image"`
	From       string `placeholder:"DAY" help:"First day, in UTC, such as 2026-11-28."`
	To         string `placeholder:"DAY" help:"Last day, in UTC."`
}

// Run shows how often something was pulled, by day.
func (c *pulls) Run(w io.Writer) error {
	ctx, stop := interruptible()
	defer stop()
	api, err := c.client(ctx)
	if err != nil {
		return err
	}
	in := nifuda.DescribePullStatisticsRequest{
		RepositoryName: c.Repository, ImageTag: orNil(c.Tag), ImageDigest: orNil(c.Digest), FromDay: orNil(c.From), ToDay: orNil(c.To),
	}
	var all nifuda.DescribePullStatisticsResponse
	for {
		var page nifuda.DescribePullStatisticsResponse
		if err := api.Call(ctx, "DescribePullStatistics", in, &page); err != nil {
			return err
		}
		page.Days = append(all.Days, page.Days...)
		if all = page; page.NextToken == "" {
			break
		}
		in.NextToken = &page.NextToken
	}
	return c.print(w, all, func(w io.Writer) error { return printPulls(w, all) })
}

// orNil is a member that is left out when it is empty.
func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func printPulls(w io.Writer, all nifuda.DescribePullStatisticsResponse) error {
	if all.Pulls == 0 {
		_, err := fmt.Fprintln(w, "There were no pulls.")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DAY\tPULLS\tLAST")
	for _, day := range all.Days {
		fmt.Fprintf(table, "%s\t%d\t%s\n", day.Day, day.Pulls, day.LastPulledAt.UTC().Format(time.RFC3339))
	}
	fmt.Fprintf(table, "Total\t%d\t%s\n", all.Pulls, all.LastPulledAt.UTC().Format(time.RFC3339))
	return table.Flush()
}

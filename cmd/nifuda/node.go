package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/nifuda/nifuda/internal/nifuda"
)

type nodes struct {
	List listNodes `cmd:"" help:"List the nodes of the installation, and which of them does what only one may do at a time."`
}

type listNodes struct {
	apiCall
}

// Run prints the nodes.
func (c *listNodes) Run(w io.Writer) error {
	var out nifuda.ListNodesResponse
	return c.ask(w, "ListNodes", nifuda.ListNodesRequest{}, &out, func(w io.Writer) error {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "HOST\tROLE\tVERSION\tSTARTED\tSEEN\tDOES ALONE")
		for _, n := range out.Nodes {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", n.Host, n.Role, orDash(n.Version),
				n.StartedAt.UTC().Format(time.RFC3339), n.SeenAt.UTC().Format(time.RFC3339), orDash(strings.Join(n.Works, ", ")))
		}
		return table.Flush()
	})
}

package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/nifuda/nifuda/internal/config"
	"github.com/nifuda/nifuda/internal/nifuda"
)

type quotas struct {
	List  listQuotas    `cmd:"" help:"List the quotas of an account, or of a repository, as they hold."`
	Set   putQuota      `cmd:"" help:"Set a quota. It holds within a second."`
	Reset deleteQuota   `cmd:"" help:"Take back what was set, so that a quota is again what it was before."`
	Usage describeUsage `cmd:"" help:"Show how much an account or a repository holds."`
}

// A quotaOwner is the flags that say whose quotas are meant.
type quotaOwner struct {
	Account    string `help:"The 12 digits of the account (the caller's own otherwise)." placeholder:"DIGITS"`
	Repository string `help:"A repository of it in the region of the profile." placeholder:"NAME"`
}

func (o quotaOwner) account() *string    { return given(o.Account) }
func (o quotaOwner) repository() *string { return given(o.Repository) }

// given is what an optional member of a request has.
func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

type listQuotas struct {
	apiCall
	quotaOwner
}

// Run prints the quotas.
func (c *listQuotas) Run(w io.Writer) error {
	var out nifuda.ListQuotasResponse
	in := nifuda.ListQuotasRequest{AccountId: c.account(), RepositoryName: c.repository()}
	return c.ask(w, "ListQuotas", in, &out, func(w io.Writer) error { return printQuotas(w, out.Quotas) })
}

type putQuota struct {
	apiCall
	quotaOwner

	Name  string `arg:"" help:"The quota, see nifuda quota list; rate-OPERATION is that of an operation of ECR." placeholder:"NAME"`
	Value string `arg:"" help:"A number, a size such as 10GiB, or unlimited." placeholder:"VALUE"`
}

// Run sets the quota and prints it.
func (c *putQuota) Run(w io.Writer) error {
	value, err := quotaValue(c.Value)
	if err != nil {
		return err
	}
	var out nifuda.PutQuotaResponse
	in := nifuda.PutQuotaRequest{AccountId: c.account(), RepositoryName: c.repository(), Name: c.Name, Value: &value}
	return c.ask(w, "PutQuota", in, &out, func(w io.Writer) error { return printQuota(w, out.Quota) })
}

// unlimited is how people write the value of a quota that limits nothing, which
// is noLimit in the API.
const (
	unlimited = "unlimited"
	noLimit   = -1
)

func quotaValue(text string) (int64, error) {
	if text == unlimited {
		return noLimit, nil
	}
	value, err := config.ParseSize(text)
	if err != nil {
		return 0, fmt.Errorf("the value %q is not a whole number, a size such as 10GiB, or %s", text, unlimited)
	}
	return value, nil
}

type deleteQuota struct {
	apiCall
	quotaOwner

	Name string `arg:"" help:"The quota, see nifuda quota list." placeholder:"NAME"`
}

// Run resets the quota and prints it.
func (c *deleteQuota) Run(w io.Writer) error {
	var out nifuda.DeleteQuotaResponse
	in := nifuda.DeleteQuotaRequest{AccountId: c.account(), RepositoryName: c.repository(), Name: c.Name}
	return c.ask(w, "DeleteQuota", in, &out, func(w io.Writer) error { return printQuota(w, out.Quota) })
}

type describeUsage struct {
	apiCall
	quotaOwner
}

// Run prints how much there is.
func (c *describeUsage) Run(w io.Writer) error {
	var out nifuda.DescribeUsageResponse
	in := nifuda.DescribeUsageRequest{AccountId: c.account(), RepositoryName: c.repository()}
	return c.ask(w, "DescribeUsage", in, &out, func(w io.Writer) error {
		u := out.Usage
		if u == nil {
			return errors.New("the server's response lacks the usage")
		}
		_, err := fmt.Fprintf(w, "Repositories: %d\nImages: %d\nLayers: %d\nBytes: %d\n", u.Repositories, u.Images, u.Layers, u.Bytes)
		return err
	})
}

// ask calls an operation and prints its response.
func (c *apiCall) ask(w io.Writer, operation string, in, out any, text func(io.Writer) error) error {
	ctx, stop := interruptible()
	defer stop()
	api, err := c.client(ctx)
	if err != nil {
		return err
	}
	if err := api.Call(ctx, operation, in, out); err != nil {
		return err
	}
	return c.print(w, out, text)
}

func printQuota(w io.Writer, q *nifuda.Quota) error {
	if q == nil {
		return errors.New("the server's response lacks the quota")
	}
	return printQuotas(w, []nifuda.Quota{*q})
}

func printQuotas(w io.Writer, all []nifuda.Quota) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "QUOTA\tVALUE\tUNIT\tECR\tSET")
	for _, q := range all {
		ecr, set := "-", "-"
		if q.EcrValue != nil {
			ecr = valueText(*q.EcrValue)
		}
		if q.Set {
			set = q.SetAt.Format("2006-01-02 15:04:05 MST")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", q.Name, valueText(q.Value), q.Unit, ecr, set)
	}
	return table.Flush()
}

func valueText(value int64) string {
	if value == noLimit {
		return unlimited
	}
	return strconv.FormatInt(value, 10)
}

package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/nifuda/nifuda/internal/client"
	"github.com/nifuda/nifuda/internal/nifuda"
)

type account struct {
	Create  createAccount `cmd:"" help:"Create an account and its root's access key, whose secret is shown this one time."`
	List    listAccounts  `cmd:"" help:"List the accounts of the installation."`
	RootKey newRootKey    `cmd:"" help:"Create an access key of an account's root, whose secret is shown this one time."`
}

type createAccount struct {
	apiCall

	Name string `required:"" help:"What people call the account." placeholder:"NAME"`
	ID   string `name:"id" help:"The 12 digits of the account (random otherwise)." placeholder:"DIGITS"`
}

// Run creates the account and prints its key with the lines for ~/.aws.
func (c *createAccount) Run(w io.Writer) error {
	ctx, stop := interruptible()
	defer stop()
	api, err := c.client(ctx)
	if err != nil {
		return err
	}
	in := nifuda.CreateAccountRequest{Name: c.Name}
	if c.ID != "" {
		in.AccountId = &c.ID
	}
	var out nifuda.CreateAccountResponse
	if err := api.Call(ctx, "CreateAccount", in, &out); err != nil {
		return err
	}
	if out.Account == nil || out.AccessKey == nil {
		return errors.New("the server's response lacks the account or its key")
	}
	return c.print(w, out, func(w io.Writer) error {
		fmt.Fprintf(w, "Account %s is created: %s\n\n", out.Account.AccountId, out.Account.Name)
		return printRootKey(w, api, out.Account.AccountId, out.AccessKey)
	})
}

type newRootKey struct {
	apiCall

	ID      string `name:"id" required:"" help:"The 12 digits of the account." placeholder:"DIGITS"`
	Replace bool   `help:"End the keys that root has at once, for when they are lost; it may have two otherwise."`
}

// Run creates the key and prints it with the lines for ~/.aws.
func (c *newRootKey) Run(w io.Writer) error {
	ctx, stop := interruptible()
	defer stop()
	api, err := c.client(ctx)
	if err != nil {
		return err
	}
	in := nifuda.CreateRootAccessKeyRequest{AccountId: c.ID, Replace: &c.Replace}
	var out nifuda.CreateRootAccessKeyResponse
	if err := api.Call(ctx, "CreateRootAccessKey", in, &out); err != nil {
		return err
	}
	if out.AccessKey == nil {
		return errors.New("the server's response lacks the key")
	}
	return c.print(w, out, func(w io.Writer) error { return printRootKey(w, api, c.ID, out.AccessKey) })
}

// printRootKey prints the access key of an account's root with the lines for ~/.aws.
func printRootKey(w io.Writer, api *client.Client, account string, key *nifuda.AccessKey) error {
	profile := "nifuda-" + account
	_, err := fmt.Fprintf(w, `This is the one time that the root's secret access key is shown.

Add to ~/.aws/credentials:

[%s]
aws_access_key_id = %s
aws_secret_access_key = %s

Add to ~/.aws/config:

[profile %s]
region = %s
endpoint_url = %s

Then: aws --profile %s sts get-caller-identity
`, profile, key.AccessKeyId, key.SecretAccessKey, profile, api.Region(), api.Endpoint(), profile)
	return err
}

type listAccounts struct {
	apiCall
}

// Run prints all accounts.
func (c *listAccounts) Run(w io.Writer) error {
	ctx, stop := interruptible()
	defer stop()
	api, err := c.client(ctx)
	if err != nil {
		return err
	}
	all := nifuda.ListAccountsResponse{Accounts: []nifuda.Account{}}
	var in nifuda.ListAccountsRequest
	for {
		var page nifuda.ListAccountsResponse
		if err := api.Call(ctx, "ListAccounts", in, &page); err != nil {
			return err
		}
		all.Accounts = append(all.Accounts, page.Accounts...)
		if page.NextToken == "" {
			break
		}
		in.NextToken = &page.NextToken
	}
	return c.print(w, all, func(w io.Writer) error {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ACCOUNT\tNAME\tALIAS\tCREATED")
		for _, a := range all.Accounts {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", a.AccountId, orDash(a.Name), orDash(a.Alias), a.CreatedAt.UTC().Format(time.RFC3339))
		}
		return table.Flush()
	})
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

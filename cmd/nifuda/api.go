package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/nifuda/nifuda/internal/client"
)

// An apiCall is the flags of every command that asks a server.
type apiCall struct {
	Profile     string `help:"Profile of the AWS configuration (AWS_PROFILE otherwise)." placeholder:"NAME"`
	EndpointURL string `name:"endpoint-url" help:"Address of the server (AWS_ENDPOINT_URL or endpoint_url of the profile otherwise)." placeholder:"URL"`
	Output      string `help:"Form of the output: ${enum}." enum:"text,json" default:"text"`
}

// client returns what asks the server.
func (c *apiCall) client(ctx context.Context) (*client.Client, error) {
	return client.New(ctx, client.Options{Profile: c.Profile, EndpointURL: c.EndpointURL})
}

// print writes a response: as JSON, or as text does.
func (c *apiCall) print(w io.Writer, response any, text func(w io.Writer) error) error {
	if c.Output == "text" {
		return text(w)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "    ")
	if err := encoder.Encode(response); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	return nil
}

// interruptible returns a context that ends when the process is asked to.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt)
}

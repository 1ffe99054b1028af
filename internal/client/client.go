// Package client calls nifuda's own API, for the command line.
//
// It finds the server, the region and the credentials as every tool of AWS does:
// in the environment, in the profile of ~/.aws/config, or wherever that sends it.
package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/nifuda/nifuda/internal/nifuda"
)

const (
	// patience is how long a call may take.
	patience = 30 * time.Second

	// maxResponse is how many bytes of a response are read.
	maxResponse = 16 << 20

	// anyRegion is what a call is signed for when nobody says more: accounts and
	// decisions belong to no region.
	anyRegion = "us-east-1"
)

// Options override what the environment and the profile say; empty ones do not.
type Options struct {
	// Profile is a section of ~/.aws/config and ~/.aws/credentials.
	Profile string
	// EndpointURL is where the server is, for example http://localhost:5050.
	EndpointURL string
}

// A Client calls one server as one caller.
type Client struct {
	endpoint    string
	region      string
	credentials aws.CredentialsProvider
	http        aws.HTTPClient
}

// New returns a client for what the environment, the profile and the options say.
func New(ctx context.Context, o Options) (*Client, error) {
	var options []func(*config.LoadOptions) error
	if o.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(o.Profile))
	}
	if o.EndpointURL != "" {
		options = append(options, config.WithBaseEndpoint(o.EndpointURL))
	}
	loaded, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("read the AWS configuration: %w", err)
	}
	c := &Client{endpoint: aws.ToString(loaded.BaseEndpoint), region: loaded.Region, credentials: loaded.Credentials, http: loaded.HTTPClient}
	if c.endpoint == "" {
		return nil, errors.New("no server is given: choose a profile with an endpoint_url, set AWS_ENDPOINT_URL, or use --endpoint-url")
	}
	if c.region == "" {
		c.region = anyRegion
	}
	if c.http == nil {
		c.http = &http.Client{Timeout: patience}
	}
	return c, nil
}

// Endpoint returns the server's address.
func (c *Client) Endpoint() string { return c.endpoint }

// Region returns the region that calls are signed for.
func (c *Client) Region() string { return c.region }

// Call calls an operation of the API with its request and fills in its
// response. What the server refuses is a [*nifuda.Error].
func (c *Client) Call(ctx context.Context, operation string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := c.request(ctx, operation, in)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("reach the server: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxResponse))
	if err != nil {
		return fmt.Errorf("read the response: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return refusal(response, body)
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("read the response of %s: %w", operation, err)
	}
	return nil
}

// request returns a signed request.
func (c *Client) request(ctx context.Context, operation string, in any) (*http.Request, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.endpoint, "/")+"/", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("the server's address: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-"+nifuda.JSONVersion)
	r.Header.Set("X-Amz-Target", nifuda.TargetPrefix+"."+operation)
	if c.credentials == nil {
		return nil, errors.New("no credentials are given")
	}
	credentials, err := c.credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("find credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	err = v4.NewSigner().SignHTTP(ctx, credentials, r, hex.EncodeToString(sum[:]), nifuda.SigningName, c.region, time.Now())
	if err != nil {
		return nil, fmt.Errorf("sign the request: %w", err)
	}
	return r, nil
}

// refusal returns what a response says went wrong.
func refusal(response *http.Response, body []byte) error {
	var said struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &said) != nil || said.Type == "" {
		return fmt.Errorf("the server at %s answers %s, which nifuda does not", response.Request.URL.Host, response.Status)
	}
	return &nifuda.Error{Code: said.Type, Message: said.Message, Status: response.StatusCode}
}

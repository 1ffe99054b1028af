package e2e_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
)

// An ownAPI calls operations of nifuda's own API, for which there is no SDK.
type ownAPI struct {
	url         string
	credentials aws.CredentialsProvider
}

// ownAPIOf is a client with the key of another one, of the same server.
func ownAPIOf(t *testing.T, s *server, client *ecr.Client) ownAPI {
	t.Helper()
	return ownAPI{s.url(), client.Options().Credentials}
}

// call calls an operation. An answer that is no success is a [statusError].
func (c ownAPI) call(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "Nifuda_20261122."+operation)
	key, err := c.credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, key, request, hex.EncodeToString(sum[:]), "nifuda", region, time.Now()); err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return &statusError{http.MethodPost, operation, response.StatusCode, string(answer)}
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s answered %q: %w", operation, answer, err)
	}
	return nil
}

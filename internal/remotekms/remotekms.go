// Package remotekms uses a key of a key management service that is elsewhere and
// speaks the API of AWS KMS: AWS's own, another one, or another nifuda's.
//
// A key is named by a setting, the ARN of the key and where its service is:
//
//	arn:aws:kms:eu-central-1:123456789012:key/1234abcd-…?endpoint=https://kms.example.com
//
// Without an endpoint it is AWS's for the region of the ARN. Credentials are
// found as every tool of AWS finds them: in the environment, in a profile, or
// from the machine that this runs on.
package remotekms

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
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
)

const (
	// patience is how long one try of a call may take.
	patience = 10 * time.Second
	// A call that fails for no reason of its own is tried so often, with a pause
	// that grows between.
	tries = 3
	pause = 200 * time.Millisecond

	// maxResponse is how many bytes of a response are read.
	maxResponse = 64 << 10

	signingName  = "kms"
	targetPrefix = "TrentService."
	jsonType     = "application/x-amz-json-1.1"
)

// An Address is a key and where its service is.
type Address struct {
	KeyARN   string
	Region   string
	Endpoint string // URL
}

var keyARN = regexp.MustCompile(`^arn:(aws[a-z-]*):kms:([a-z]{2}(?:-[a-z]+)+-[0-9]):[0-9]{12}:(?:key|alias)/[a-zA-Z0-9:/_-]+$`)

// ParseAddress reads a setting.
func ParseAddress(text string) (Address, error) {
	arn, rest, _ := strings.Cut(text, "?")
	parts := keyARN.FindStringSubmatch(arn)
	if parts == nil {
		return Address{}, errors.New("must begin with the ARN of a KMS key, such as arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab")
	}
	a := Address{KeyARN: arn, Region: parts[2], Endpoint: awsEndpoint(parts[1], parts[2])}
	query, err := url.ParseQuery(rest)
	if err != nil {
		return Address{}, errors.New("what follows the question mark is malformed")
	}
	for name, values := range query {
		if name != "endpoint" || len(values) != 1 {
			return Address{}, fmt.Errorf("%.50q is not a parameter of it, or is there twice: there is endpoint=URL", name)
		}
		endpoint, err := url.Parse(values[0])
		if err != nil || endpoint.Host == "" || endpoint.Scheme != "https" && endpoint.Scheme != "http" || endpoint.User != nil {
			return Address{}, errors.New("endpoint must be a URL such as https://kms.example.com")
		}
		a.Endpoint = values[0]
	}
	return a, nil
}

func awsEndpoint(partition, region string) string {
	suffix := ".amazonaws.com"
	if partition == "aws-cn" {
		suffix += ".cn"
	}
	return "https://kms." + region + suffix
}

// A Key is a key elsewhere. It is safe for concurrent use.
type Key struct {
	address     Address
	credentials aws.CredentialsProvider
	http        *http.Client
	pause       time.Duration
}

// Open returns the key at an address, to be used with the credentials that the
// environment gives. It asks nobody yet.
func Open(ctx context.Context, a Address) (*Key, error) {
	loaded, err := config.LoadDefaultConfig(ctx, config.WithRegion(a.Region))
	if err != nil {
		return nil, fmt.Errorf("read the AWS configuration: %w", err)
	}
	return newKey(a, loaded.Credentials), nil
}

func newKey(a Address, credentials aws.CredentialsProvider) *Key {
	return &Key{address: a, credentials: credentials, http: &http.Client{Timeout: patience}, pause: pause}
}

// String names the key and where it is.
func (k *Key) String() string { return k.address.KeyARN + " at " + k.address.Endpoint }

// An Error is what the service refuses with.
type Error struct {
	Code    string
	Message string
	Status  int
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// GenerateDataKey returns a new key of 32 bytes, and how the KMS key wraps it for
// an encryption context.
func (k *Key) GenerateDataKey(ctx context.Context, encryptionContext map[string]string) (plaintext, wrapped []byte, err error) {
	var out struct{ Plaintext, CiphertextBlob []byte }
	err = k.call(ctx, "GenerateDataKey", map[string]any{"KeyId": k.address.KeyARN, "KeySpec": "AES_256", "EncryptionContext": encryptionContext}, &out)
	if err == nil && (len(out.Plaintext) != 32 || len(out.CiphertextBlob) == 0) {
		err = fmt.Errorf("the KMS at %s answers with no key", k.address.Endpoint)
	}
	return out.Plaintext, out.CiphertextBlob, err
}

// Decrypt returns what the KMS key wrapped for an encryption context.
func (k *Key) Decrypt(ctx context.Context, wrapped []byte, encryptionContext map[string]string) ([]byte, error) {
	var out struct{ Plaintext []byte }
	err := k.call(ctx, "Decrypt", map[string]any{"KeyId": k.address.KeyARN, "CiphertextBlob": wrapped, "EncryptionContext": encryptionContext}, &out)
	return out.Plaintext, err
}

// call tries again what may succeed a moment later.
func (k *Key) call(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("write the request of %s: %w", operation, err)
	}
	for try := 1; ; try++ {
		err := k.try(ctx, operation, body, out)
		if err == nil || try == tries || !isPassing(err) {
			return err
		}
		select {
		case <-time.After(k.pause << try):
		case <-ctx.Done():
			return err
		}
	}
}

// isPassing reports whether a call that failed may succeed when it is tried again.
func isPassing(err error) bool {
	if refused, ok := errors.AsType[*Error](err); ok {
		return refused.Status >= http.StatusInternalServerError || refused.Code == "ThrottlingException"
	}
	_, isNetwork := errors.AsType[*url.Error](err)
	return isNetwork
}

func (k *Key) try(ctx context.Context, operation string, body []byte, out any) error {
	request, err := k.request(ctx, operation, body)
	if err != nil {
		return err
	}
	response, err := k.http.Do(request)
	if err != nil {
		return fmt.Errorf("reach the KMS: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxResponse))
	if err != nil {
		return fmt.Errorf("read what the KMS at %s answers: %w", k.address.Endpoint, err)
	}
	if response.StatusCode != http.StatusOK {
		return k.refusal(response, text)
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("the KMS at %s answers what is no answer to %s", k.address.Endpoint, operation) // the text may hold a key
	}
	return nil
}

func (k *Key) request(ctx context.Context, operation string, body []byte) (*http.Request, error) {
	if k.credentials == nil {
		return nil, errors.New("there are no credentials for the KMS")
	}
	credentials, err := k.credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("find credentials for the KMS: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(k.address.Endpoint, "/")+"/", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("the address of the KMS: %w", err)
	}
	r.Header.Set("Content-Type", jsonType)
	r.Header.Set("X-Amz-Target", targetPrefix+operation)
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, r, hex.EncodeToString(sum[:]), signingName, k.address.Region, time.Now()); err != nil {
		return nil, fmt.Errorf("sign the request to the KMS: %w", err)
	}
	return r, nil
}

// refusal returns what a response says went wrong. Members of errors begin with
// either case, and types may have a prefix.
func (k *Key) refusal(response *http.Response, text []byte) error {
	var said struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if json.Unmarshal(text, &said) != nil || said.Type == "" {
		return fmt.Errorf("the KMS at %s answers %s, which no KMS does", k.address.Endpoint, response.Status)
	}
	_, code, qualified := strings.Cut(said.Type, "#")
	if !qualified {
		code = said.Type
	}
	return &Error{Code: code, Message: said.Message, Status: response.StatusCode}
}

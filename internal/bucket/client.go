package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/logging"
)

const (
	// attempts is how often a request is sent before its failure is told.
	attempts   = 5
	maxBackoff = 10 * time.Second
	// credentialsAhead is how long before their end credentials are renewed. An
	// address that is signed with them ends with them at the latest.
	credentialsAhead = 5 * time.Minute
	// credentialsPatience is how long the first credentials may take.
	credentialsPatience = 20 * time.Second
	defaultRegion       = "us-east-1"
)

// Options are what [Open] takes beside the address.
type Options struct {
	// Observe is told of every call when it has ended, with all its attempts.
	Observe func(Call)
}

// A Bucket is a client of one bucket. It is safe for concurrent use.
type Bucket struct {
	Address
	API *s3.Client

	credentials aws.CredentialsProvider
	presign     *s3.PresignClient
}

// Open returns the client of a bucket, with the credentials that AWS's own tools
// would take: of the environment, a profile, a web identity, a container or an
// instance. It sends nothing to the bucket.
func Open(ctx context.Context, a Address, o Options) (*Bucket, error) {
	if o.Observe == nil {
		o.Observe = func(Call) {}
	}
	settings, err := load(ctx, a)
	if err != nil {
		return nil, err
	}
	b := &Bucket{Address: a, credentials: settings.Credentials}
	b.Region = settings.Region
	client := newHTTPClient(settings, a.Timeout)
	b.API = s3.NewFromConfig(settings, b.configure, func(options *s3.Options) {
		options.HTTPClient = client
		options.APIOptions = append(options.APIOptions, observer(o.Observe))
	})
	b.presign = s3.NewPresignClient(b.API, func(p *s3.PresignOptions) {
		if a.PublicEndpoint != "" {
			p.ClientOptions = append(p.ClientOptions, func(options *s3.Options) { options.BaseEndpoint = &a.PublicEndpoint })
		}
	})
	return b, nil
}

func load(ctx context.Context, a Address) (aws.Config, error) {
	options := []func(*config.LoadOptions) error{
		config.WithLogger(logging.Nop{}),
		config.WithRetryer(newRetryer),
		config.WithCredentialsCacheOptions(func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = credentialsAhead }),
	}
	if a.Region != "" {
		options = append(options, config.WithRegion(a.Region))
	}
	settings, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("read the settings of AWS: %w", err)
	}
	if settings.Region == "" {
		settings.Region = defaultRegion
	}
	ctx, cancel := context.WithTimeout(ctx, credentialsPatience)
	defer cancel()
	if _, err := settings.Credentials.Retrieve(ctx); err != nil {
		return aws.Config{}, fmt.Errorf("there are no credentials for the bucket: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give this machine a role: %w", err)
	}
	return settings, nil
}

func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = attempts, maxBackoff
		o.Retryables = append(o.Retryables, retry.IsErrorRetryableFunc(retryableAnswer))
		o.Backoff = backoff{retry.NewExponentialJitterBackoff(maxBackoff)}
	})
}

// retryableAnswer has an answer asked for again that ends in the middle.
func retryableAnswer(err error) aws.Ternary {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}

func (b *Bucket) configure(o *s3.Options) {
	o.UsePathStyle = b.PathStyle
	if b.Endpoint != "" {
		o.BaseEndpoint = aws.String(b.Endpoint)
	}
	o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	if b.Checksums {
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenSupported
	}
	// Whoever reads has a digest, or opens what is sealed.
	o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	o.DisableLogOutputChecksumValidationSkipped = true
}

// Unsigned leaves a body out of the signature where TLS protects it: its SHA-256
// would cost more than all the rest. Over plain HTTP it is signed.
func (b *Bucket) Unsigned(o *s3.Options) {
	if b.Encrypted() {
		o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
	}
}

// Encrypted reports whether the bucket is spoken to over TLS.
func (b *Bucket) Encrypted() bool { return len(b.Endpoint) < 5 || b.Endpoint[:5] != "http:" }

// Key returns the key of a name.
func (b *Bucket) Key(name string) *string { return aws.String(b.Prefix + name) }

// Encryption returns the headers of what is stored, and nothing where the
// bucket's own setting decides.
func (b *Bucket) Encryption() (kind types.ServerSideEncryption, key *string, bucketKey *bool) {
	if b.SSE != SSEKMS {
		return types.ServerSideEncryption(b.SSE), nil, nil
	}
	if b.SSEKey != "" {
		key = &b.SSEKey
	}
	return types.ServerSideEncryptionAwsKms, key, aws.Bool(true)
}

// errShortCredentials reports credentials that end before an address would.
var errShortCredentials = errors.New("the credentials end too early")

// URL returns an address at which anybody can read an object for that long.
func (b *Bucket) URL(ctx context.Context, name, contentType string, lifetime time.Duration) (string, error) {
	credentials, err := b.credentials.Retrieve(ctx)
	if err != nil {
		return "", err
	}
	if credentials.CanExpire && time.Until(credentials.Expires) < lifetime/2 {
		return "", errShortCredentials
	}
	request, err := b.presign.PresignGetObject(ctx, &s3.GetObjectInput{
		Bucket: &b.Bucket, Key: b.Key(name), ResponseContentType: aws.String(contentType),
	}, s3.WithPresignExpires(lifetime))
	if err != nil {
		return "", err
	}
	return request.URL, nil
}

// Name tells people which bucket it is.
func (b *Bucket) Name() string {
	if b.Endpoint == "" {
		return b.Bucket
	}
	return b.Bucket + " at " + b.Endpoint
}

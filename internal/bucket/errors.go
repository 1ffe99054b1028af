package bucket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Code returns S3's name of an error, or "".
func Code(err error) string {
	if refused, ok := errors.AsType[smithy.APIError](err); ok {
		return refused.ErrorCode()
	}
	return ""
}

func responseOf(err error) *smithyhttp.Response {
	if answered, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return answered.Response
	}
	return nil
}

// Status returns the status of the answer, or 0 where there was none.
func Status(err error) int {
	if r := responseOf(err); r != nil && r.Response != nil {
		return r.StatusCode
	}
	return 0
}

// IsMissing reports that an object or an upload is not there. A bucket that is
// not there is another matter.
func IsMissing(err error) bool {
	switch Code(err) {
	case "NoSuchKey", "NoSuchUpload", "NotFound": // the last one is the answer to HEAD
		return true
	}
	return false // a 404 of what is no S3 server says nothing about an object
}

// IsBeyond reports that an object has no byte of the range that was asked for.
func IsBeyond(err error) bool {
	return Status(err) == http.StatusRequestedRangeNotSatisfiable || Code(err) == "InvalidRange"
}

// IsNoSuchUpload reports that an upload in parts is not there.
func IsNoSuchUpload(err error) bool { return Code(err) == "NoSuchUpload" }

// IsInvalidPart reports a part that the server has not, or has otherwise than it
// answered: for a moment, after a node of it came back, or because somebody else
// has sent another one of its number.
func IsInvalidPart(err error) bool { return Code(err) == "InvalidPart" }

func isThrottled(err error) bool {
	return Status(err) == http.StatusTooManyRequests || slices.Contains([]string{"SlowDown", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"}, Code(err))
}

// IsUnavailable reports a failure that is not the request's own: the same may
// succeed later. Whether such a request was carried out is not known.
func IsUnavailable(err error) bool {
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return false
	case isThrottled(err):
		return true
	}
	status := Status(err)
	if status == 0 || status < 400 {
		// No answer, or half of one. An answer of 200 may hold an error, which has
		// a code then.
		code := Code(err)
		return code == "" || code == "InternalError" || code == "ServiceUnavailable" || code == "RequestTimeout"
	}
	return status >= 500 || Code(err) == "RequestTimeout"
}

// Explain says in a sentence why a bucket cannot be used.
func (b *Bucket) Explain(err error) error {
	if err == nil {
		return nil
	}
	if r := responseOf(err); r != nil && r.Response != nil {
		there := r.Header.Get("X-Amz-Bucket-Region")
		if there != "" && there != b.Region {
			return fmt.Errorf("bucket %s is in region %s, not %s: add region=%s to the URL: %w", b.Name(), there, b.Region, there, err)
		}
	}
	if reason := b.reason(err); reason != "" {
		return fmt.Errorf("%s: %w", reason, err)
	}
	return fmt.Errorf("bucket %s cannot be used: %w", b.Name(), err)
}

func (b *Bucket) reason(err error) string {
	switch Code(err) {
	case "NoSuchBucket":
		return "there is no bucket " + b.Name()
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return "bucket " + b.Name() + " is in another region than " + b.Region + ": add region=NAME to the URL"
	case "InvalidAccessKeyId":
		return "the access key is not known at bucket " + b.Name()
	case "SignatureDoesNotMatch":
		return "the secret access key is not the one of the access key at bucket " + b.Name()
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired":
		return "the session that the credentials are of has ended"
	case "RequestTimeTooSkewed":
		return "this machine's clock and that of bucket " + b.Name() + " are too far apart: set it right"
	case "AccessDenied":
		return "the credentials may not do this in bucket " + b.Name() + ": see the policy in docs/scaling.md"
	case "InvalidDigest", "NotImplemented", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch":
		return "bucket " + b.Name() + " does not take our checksums: add checksums=off to the URL"
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "there is no host of the name in the endpoint of bucket " + b.Name()
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return "the endpoint of bucket " + b.Name() + " cannot be reached"
	}
	return ""
}

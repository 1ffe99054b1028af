package awsjson

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxReserved is how much memory the announcement of a long body gets before
// its bytes are there.
const maxReserved = 1 << 20

// read reads the body of a request, which may have as many bytes as limit.
func read(buffer *bytes.Buffer, w http.ResponseWriter, r *http.Request, limit int64) error {
	if r.ContentLength > limit {
		return tooLarge(limit)
	}
	if r.ContentLength > 0 {
		// ReadFrom wants to see the end with room to spare.
		buffer.Grow(int(min(r.ContentLength, maxReserved)) + bytes.MinRead)
	}
	_, err := buffer.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	var exceeded *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exceeded):
		return tooLarge(limit)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: "RequestTimeoutException", Message: "The request body did not arrive in time.", Status: http.StatusRequestTimeout}
	default:
		return aborted()
	}
}

// decode reads a body into a request. An empty body has no members; members
// that the request does not know are ignored, and null is like being absent.
// The error is a [Refusal].
func decode(body []byte, in Request) error {
	body = bytes.TrimLeft(body, " \t\r\n")
	if len(body) == 0 {
		return nil
	}
	if !utf8.Valid(body) {
		// Decoding would replace the bad bytes, and so change a manifest.
		return serialization("The request body is not valid UTF-8.")
	}
	if body[0] != '{' {
		return serialization("The request body must be a JSON object.")
	}
	if err := json.Unmarshal(body, in); err != nil {
		return serialization(explain(err))
	}
	return nil
}

// explain words an error of [json.Unmarshal] for the caller, without the Go
// types that it is about.
func explain(err error) string {
	var (
		syntax *json.SyntaxError
		kind   *json.UnmarshalTypeError
		base   base64.CorruptInputError
	)
	switch {
	case errors.As(err, &syntax):
		return "The request body is not valid JSON: " + syntax.Error() + " at byte " + strconv.FormatInt(syntax.Offset, 10) + "."
	case errors.As(err, &kind):
		return explainType(kind)
	case errors.As(err, &base):
		return "A member of the request body must be base64: " + base.Error() + "."
	default:
		return "The request body cannot be read: " + err.Error() + "."
	}
}

func explainType(err *json.UnmarshalTypeError) string {
	got, number, _ := strings.Cut(err.Value, " ")
	if number != "" {
		got = "this number"
	}
	return fmt.Sprintf("The member '%s' must be %s, not %s.", err.Field, jsonType(err.Type), withArticle(got))
}

// jsonType says what JSON must have for a Go type.
func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "a boolean"
	case reflect.Int32:
		return "an integer of 32 bits"
	case reflect.Int64:
		return "an integer of 64 bits"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "a base64 string"
		}
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	default:
		return "a string"
	}
}

func withArticle(kind string) string {
	switch kind {
	case "bool":
		return "a boolean"
	case "array", "object":
		return "an " + kind
	case "string", "number":
		return "a " + kind
	default:
		return kind
	}
}

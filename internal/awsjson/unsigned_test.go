package awsjson_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/awsjson"
)

// What proves who calls by something else is served whatever signature it has, and
// takes no more of a body than strangers may send.
func TestAnUnsignedOperationIsServedToStrangers(t *testing.T) {
	s := service()
	s.Precheck = func(*http.Request) error { return &awsjson.Error{Code: "Prechecked", Message: "x"} }
	s.Operations["Open"] = operation(func(ctx context.Context, in *note) (any, error) {
		return map[string]string{"name": in.Name, "caller": ctx.Value(caller{}).(string)}, nil
	})
	s.Unsigned = map[string]func(*http.Request) context.Context{
		"Open": func(r *http.Request) context.Context { return context.WithValue(r.Context(), caller{}, "nobody") },
	}
	h := awsjson.New(awsjson.Options{Log: slog.New(slog.DiscardHandler)}, s)
	for name, c := range map[string]struct {
		body, authorization string
		status              int
		want                string
	}{
		"no signature": {`{"name":"a"}`, "", 200, `"caller":"nobody"`},
		"a bad one":    {`{"name":"a"}`, "broken", 200, `"caller":"nobody"`},
		"no name":      {`{}`, "", 400, "InvalidParameterException"},
		"no JSON":      {`{`, "", 400, "SerializationException"},
		"too large":    {`{"name":"` + strings.Repeat("a", awsjson.UnsignedLimit) + `"}`, "", 413, ""},
	} {
		r := request("Open", c.body)
		r.Header.Set("Authorization", c.authorization)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

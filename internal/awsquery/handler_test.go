package awsquery_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/awsquery"
	"github.com/nifuda/nifuda/internal/httpx"
)

type result struct {
	Text        string            `json:"Text,omitzero"`
	Count       int32             `json:"Count"`
	Written     moment            `json:"Written,omitzero"`
	Body        []byte            `json:"Body,omitzero"`
	Weight      *float64          `json:"Weight,omitzero"`
	Reply       *reply            `json:"Reply,omitzero"`
	Names       []string          `json:"Names,omitzero"`
	Many        []reply           `json:"Many,omitzero"`
	Summary     map[string]int32  `json:"Summary,omitzero"`
	Labels      map[string]string `json:"Labels,omitzero"`
	IsTruncated *bool             `json:"IsTruncated,omitzero"`
}

type invalid struct{ note }

func (*invalid) Validate() error {
	return &awsquery.Error{Code: "ValidationError", Message: "1 validation error detected"}
}

const (
	namespace = "https://notes.example.com/doc/2026-01-01/"
	version   = "2026-01-01"
)

type userKey struct{}

// options have a log and everyone but those who say that they are strangers.
func options(log io.Writer) awsquery.Options {
	return awsquery.Options{
		Log:       slog.New(slog.NewTextHandler(log, nil)),
		RequestID: func(*http.Request) string { return "id-1" },
		Precheck:  precheck,
	}
}

func precheck(r *http.Request) error {
	if r.Header.Get("Authorization") == "" {
		return &awsquery.Error{Code: "MissingAuthenticationToken", Message: "Missing Authentication Token", Status: 403}
	}
	return nil
}

// service has one operation for each way in which one can end.
func service() awsquery.Service {
	answer := func(out any, err error) awsquery.Operation {
		return func() (awsquery.Request, awsquery.Call) {
			return new(note), func(context.Context) (any, error) { return out, err }
		}
	}
	return awsquery.Service{
		Name: "notes", Version: version, Namespace: namespace,
		Operations: map[string]awsquery.Operation{
			"Silent": answer(nil, nil),
			"Empty":  answer(&result{}, nil),
			"Full": answer(&result{
				Text: "a<b>&\"c\"\x00\x1b\uFFFE\n", Count: 7, Written: moment{time.Date(2024, 1, 2, 3, 4, 5, 999, time.FixedZone("", 3600))},
				Body: []byte{0, 1}, Weight: new(0.5), Reply: &reply{Text: "r"}, Names: []string{"a", ""},
				Many: []reply{{Text: "b", Replies: []reply{{Text: "c"}}}}, Summary: map[string]int32{"b": 2, "a<": 1},
				Labels: map[string]string{}, IsTruncated: new(true),
			}, nil),
			"Echo": func() (awsquery.Request, awsquery.Call) {
				in := new(note)
				return in, func(context.Context) (any, error) { return &result{Text: *in.Title}, nil }
			},
			"WhoAmI": func() (awsquery.Request, awsquery.Call) {
				return new(note), func(ctx context.Context) (any, error) {
					user, _ := ctx.Value(userKey{}).(string)
					return &result{Text: user}, nil
				}
			},
			"Invalid":  func() (awsquery.Request, awsquery.Call) { return new(invalid), nil },
			"Refuse":   answer(nil, &awsquery.Error{Code: "NoSuchNote", Message: "no <note> \x07", Status: 404}),
			"Fail":     answer(nil, errors.New("the disk is on fire")),
			"Unsigned": answer(&result{Text: "open"}, nil),
		},
		Unsigned: map[string]func(*http.Request) context.Context{"Unsigned": (*http.Request).Context},
		Authenticate: func(r *http.Request, body []byte) (context.Context, error) {
			if err := precheck(r); err != nil {
				return nil, err
			}
			return context.WithValue(r.Context(), userKey{}, r.Header.Get("Authorization")), nil
		},
		FaultCode: "ServiceFailure",
	}
}

func post(form string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set("Authorization", "ann")
	return r
}

func serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	awsquery.New(options(io.Discard), service()).ServeHTTP(w, r)
	return w
}

func operation(name, more string) string { return "Action=" + name + "&Version=" + version + more }

func TestResponses(t *testing.T) {
	const (
		metadata = "<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata>"
		ns       = ` xmlns="` + namespace + `"`
	)
	tests := []struct{ name, want string }{
		{"Silent", "<SilentResponse" + ns + ">" + metadata + "</SilentResponse>"},
		{
			"Empty", "<EmptyResponse" + ns + "><EmptyResult><Count>0</Count><Names></Names><Many></Many><IsTruncated>false</IsTruncated></EmptyResult>" +
				metadata + "</EmptyResponse>",
		},
		{
			"Full", "<FullResponse" + ns + "><FullResult><Text>a&lt;b&gt;&amp;&#34;c&#34;\uFFFD\uFFFD\uFFFD&#xA;</Text><Count>7</Count>" +
				"<Written>2024-01-02T02:04:05Z</Written><Body>AAE=</Body><Weight>0.5</Weight><Reply><text>r</text></Reply>" +
				"<Names><member>a</member><member></member></Names>" +
				"<Many><member><text>b</text><replies><member><text>c</text></member></replies></member></Many>" +
				"<Summary><entry><key>a&lt;</key><value>1</value></entry><entry><key>b</key><value>2</value></entry></Summary>" +
				"<Labels></Labels><IsTruncated>true</IsTruncated></FullResult>" + metadata + "</FullResponse>",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := serve(post(operation(test.name, "")))
			if diff := cmp.Diff(test.want, w.Body.String()); diff != "" {
				t.Errorf("-want +got: %s", diff)
			}
			if err := xml.Unmarshal(w.Body.Bytes(), new(struct{})); err != nil {
				t.Errorf("the response is no XML: %v", err)
			}
			if w.Code != 200 || w.Header().Get("Content-Type") != "text/xml" || w.Header().Get("X-Amzn-Requestid") != "id-1" {
				t.Errorf("got %d %v", w.Code, w.Header())
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	without := func(header string, r *http.Request) *http.Request {
		r.Header.Del(header)
		return r
	}
	tests := []struct {
		name                string
		r                   *http.Request
		status              int
		side, code, message string
	}{
		{"by the operation", post(operation("Refuse", "")), 404, "Sender", "NoSuchNote", "no &lt;note&gt; \uFFFD"},
		{"by a constraint", post(operation("Invalid", "")), 400, "Sender", "ValidationError", "1 validation error detected"},
		{"a fault", post(operation("Fail", "")), 500, "Receiver", "ServiceFailure", "The request failed because of an internal error."},
		{"no action", post("Version=" + version), 400, "Sender", "MissingAction", "The request must contain the parameter Action."},
		{"no body", post(""), 400, "Sender", "MissingAction", "The request must contain the parameter Action."},
		{"unknown action", post(operation("X%3C", "")), 400, "Sender", "InvalidAction", "Could not find operation X&lt; for version 2026-01-01"},
		{"unknown version", post("Action=Silent&Version=2"), 400, "Sender", "InvalidAction", "Could not find operation Silent for version 2"},
		{"no version", post("Action=Silent"), 400, "Sender", "InvalidAction", "Could not find operation Silent for version NO_VERSION_SPECIFIED"},
		{"no signature", without("Authorization", post(operation("Silent", ""))), 403, "Sender", "MissingAuthenticationToken", "Missing Authentication Token"},
		{"no form", without("Content-Type", post(operation("Silent", ""))), 400, "Sender", "MalformedInput", "The Content-Type of a request must be application/x-www-form-urlencoded."},
		{"bad value", post(operation("Silent", "&Draft=1")), 400, "Sender", "MalformedInput", "The parameter Draft must be true or false."},
		{"two actions", post(operation("Silent", "&Action=Echo")), 400, "Sender", "MalformedQueryString", "The parameter Action is given more than once."},
		{"other method", httptest.NewRequest(http.MethodPut, "/", http.NoBody), 405, "Sender", "InvalidHttpMethod", "The method of a request must be POST or GET."},
		{"large body", post(operation("Silent", "&x="+strings.Repeat("x", awsquery.DefaultLimit))), 413, "Sender", "RequestEntityTooLarge", "The request body is larger than 2097152 bytes."},
		{
			"large body of a stranger", without("Authorization", post(operation("Unsigned", "&x="+strings.Repeat("x", awsquery.UnsignedLimit)))),
			403, "Sender", "MissingAuthenticationToken", "Missing Authentication Token",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := serve(test.r)
			ns := namespace
			if i := strings.Index(w.Body.String(), "AWSFault"); i > 0 {
				ns = "http://webservices.amazon.com/AWSFault/2005-15-09"
			}
			want := `<ErrorResponse xmlns="` + ns + `"><Error><Type>` + test.side + "</Type><Code>" + test.code + "</Code><Message>" +
				test.message + "</Message></Error><RequestId>id-1</RequestId></ErrorResponse>"
			if diff := cmp.Diff(want, w.Body.String()); diff != "" || w.Code != test.status {
				t.Errorf("got %d, want %d, -want +got: %s", w.Code, test.status, diff)
			}
			if err := xml.Unmarshal(w.Body.Bytes(), new(struct{})); err != nil {
				t.Errorf("the response is no XML: %v", err)
			}
		})
	}
}

func TestAPresignedRequestHasItsParametersInTheQuery(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		r := httptest.NewRequest(method, "/?"+operation("Echo", "&Title=a%2Bb&X-Amz-Signature=x"), http.NoBody)
		r.Header.Set("Authorization", "ann")
		if w := serve(r); !strings.Contains(w.Body.String(), "<Text>a+b</Text>") {
			t.Errorf("%s: got %d %s", method, w.Code, w.Body)
		}
	}
}

func TestTheOperationKnowsWhoCalls(t *testing.T) {
	if w := serve(post(operation("WhoAmI", ""))); !strings.Contains(w.Body.String(), "<Text>ann</Text>") {
		t.Errorf("got %s", w.Body)
	}
}

func TestAnUnsignedOperationNeedsNoSignature(t *testing.T) {
	for _, signature := range []string{"", "forged"} {
		r := post(operation("Unsigned", ""))
		r.Header.Set("Authorization", signature)
		if w := serve(r); w.Code != 200 || !strings.Contains(w.Body.String(), "<Text>open</Text>") {
			t.Errorf("%q: got %d %s", signature, w.Code, w.Body)
		}
	}
}

func TestAStrangersProofIsLookedAtOnce(t *testing.T) {
	looks := 0
	o, s := options(io.Discard), service()
	o.Precheck = func(r *http.Request) error { looks++; return precheck(r) }
	s.Authenticate = func(r *http.Request, _ []byte) (context.Context, error) { looks++; return nil, precheck(r) }
	r := post(operation("Silent", ""))
	r.Header.Del("Authorization")
	w := httptest.NewRecorder()
	awsquery.New(o, s).ServeHTTP(w, r)
	if w.Code != 403 || looks != 1 {
		t.Errorf("got %d after %d looks", w.Code, looks)
	}
}

func TestAFaultIsLoggedAndHidden(t *testing.T) {
	log, w := new(bytes.Buffer), httptest.NewRecorder()
	awsquery.New(options(log), service()).ServeHTTP(w, post(operation("Fail", "")))
	if strings.Contains(w.Body.String(), "fire") {
		t.Errorf("the caller is told %s", w.Body)
	}
	for _, want := range []string{"the disk is on fire", "operation=Fail", "request_id=id-1"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s: %s", want, log)
		}
	}
}

func TestTheRecordSaysWhatWasAsked(t *testing.T) {
	tests := []struct{ form, protocol, operation string }{
		{operation("Silent", ""), "notes", "Silent"},
		{operation("Fail", ""), "notes", "Fail"},
		{operation("Unknown", ""), "notes", ""},
		{"Action=Silent&Version=2", "", ""},
	}
	for _, test := range tests {
		var got httpx.Record
		query := awsquery.New(options(io.Discard), service())
		recorded := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			query.ServeHTTP(w, r)
			got = *httpx.RecordOf(r.Context())
		})
		httpx.NewHandler(recorded, httpx.Options{Log: slog.New(slog.DiscardHandler)}).ServeHTTP(httptest.NewRecorder(), post(test.form))
		if got.Protocol != test.protocol || got.Operation != test.operation {
			t.Errorf("%s: the record has %q %q", test.form, got.Protocol, got.Operation)
		}
	}
}

package awsjson_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/awsjson"
	"github.com/nifuda/nifuda/internal/ecr"
)

// A note is the request and the response of the operation under test.
type note struct {
	Name  string  `json:"name"`
	Count *int32  `json:"count,omitzero"`
	Size  *int64  `json:"size,omitzero"`
	Score float64 `json:"score,omitzero"`
	Flag  bool    `json:"flag,omitzero"`
	Blob  []byte  `json:"blob,omitzero"`
	Items []item  `json:"items,omitzero"`

	Since ecr.Timestamp `json:"since,omitzero"`
}

type item struct {
	Tag string `json:"tag"`
	Sub *item  `json:"sub,omitzero"`
}

func (n *note) Validate() error {
	if n.Name == "" {
		return &awsjson.Error{Code: "InvalidParameterException", Message: "name must not be null"}
	}
	return nil
}

var _ awsjson.Refusal = (*ecr.Error)(nil)

type caller struct{}

// authenticate takes the header Authorization for the caller's name.
func authenticate(r *http.Request, _ []byte) (context.Context, error) {
	switch name := r.Header.Get("Authorization"); name {
	case "":
		return nil, &awsjson.Error{Code: "MissingAuthenticationTokenException", Message: "Missing Authentication Token"}
	case "broken":
		return nil, errors.New("the key store with the password hunter2 is down")
	default:
		return context.WithValue(r.Context(), caller{}, name), nil
	}
}

// operation is an operation that answers with respond.
func operation(respond func(ctx context.Context, in *note) (any, error)) awsjson.Operation {
	return func() (awsjson.Request, awsjson.Call) {
		in := new(note)
		return in, func(ctx context.Context) (any, error) { return respond(ctx, in) }
	}
}

func service() awsjson.Service {
	return awsjson.Service{
		Name:         "notes",
		TargetPrefix: "Notes_1",
		JSONVersion:  "1.1",
		Authenticate: authenticate,
		FaultCode:    "ServerException",
		Limits:       map[string]int64{"Small": 32},
		Operations: map[string]awsjson.Operation{
			"Echo":  operation(func(_ context.Context, in *note) (any, error) { return in, nil }),
			"Small": operation(func(_ context.Context, in *note) (any, error) { return in, nil }),
			"Caller": operation(func(ctx context.Context, _ *note) (any, error) {
				return map[string]any{"caller": ctx.Value(caller{})}, nil
			}),
			"Silent": operation(func(context.Context, *note) (any, error) { return nil, nil }),
			"Absent": operation(func(context.Context, *note) (any, error) { return (*note)(nil), nil }),
			"Fault":  operation(func(context.Context, *note) (any, error) { return nil, errors.New("open /secret/path: disk on fire") }),
			"NotANumber": operation(func(context.Context, *note) (any, error) {
				return note{Score: math.NaN()}, nil
			}),
			"Refuse": operation(func(context.Context, *note) (any, error) {
				refusal := &awsjson.Error{Code: "InvalidLayerPartException", Message: "First byte", Members: map[string]any{"lastValidByteReceived": 41}}
				return nil, fmt.Errorf("upload part: %w", refusal)
			}),
			"RefuseOddly": operation(func(context.Context, *note) (any, error) {
				return nil, &awsjson.Error{Code: "Odd", Members: map[string]any{"f": math.Inf(1)}}
			}),
		},
	}
}

func handler(log io.Writer) *awsjson.Handler {
	return awsjson.New(awsjson.Options{
		Log:       slog.New(slog.NewTextHandler(log, nil)),
		RequestID: func(*http.Request) string { return "id-1" },
	}, service())
}

// request is a good request for an operation, for the tests to spoil.
func request(operation, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "Notes_1."+operation)
	r.Header.Set("Authorization", "ann")
	return r
}

func TestResponses(t *testing.T) {
	tests := []struct{ name, operation, body, want string }{
		{"members", "Echo", `{"name":"a","count":3}`, `{"name":"a","count":3}`},
		{"unknown members are ignored", "Echo", `{"name":"a","x":{"y":[1]}}`, `{"name":"a"}`},
		{"names in the wrong case are unknown", "Echo", `{"name":"a","Count":3,"NAME":"b","items":[{"Tag":"x"}]}`, `{"name":"a","items":[{"tag":""}]}`},
		{"names are read without their escapes", "Echo", `{"n\u0061me":"a"}`, `{"name":"a"}`},
		{"a whole surrogate pair", "Echo", `{"name":"\ud83d\ude00"}`, `{"name":"😀"}`},
		{"null in a list", "Echo", `{"name":"a","items":[{"tag":"x"},null]}`, `{"name":"a","items":[{"tag":"x"},{"tag":""}]}`},
		{"a time", "Echo", `{"name":"a","since":1563223656.123}`, `{"name":"a","since":1563223656.123}`},
		{"a time that is null", "Echo", `{"name":"a","since":null}`, `{"name":"a"}`},
		{"null is absent", "Echo", `{"name":"a","count":null,"items":null}`, `{"name":"a"}`},
		{"an empty list stays", "Echo", `{"name":"a","items":[]}`, `{"name":"a","items":[]}`},
		{"blobs are base64", "Echo", `{"name":"a","blob":"aGk="}`, `{"name":"a","blob":"aGk="}`},
		{"markup is not escaped", "Echo", `{"name":"<a&b>"}`, `{"name":"<a&b>"}`},
		{"space around", "Echo", "\r\n\t {\"name\":\"a\"} \n", `{"name":"a"}`},
		{"the caller reaches the operation", "Caller", `{"name":"a"}`, `{"caller":"ann"}`},
		{"no response", "Silent", `{"name":"a"}`, `{}`},
		{"nil response", "Absent", `{"name":"a"}`, `{}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			handler(io.Discard).ServeHTTP(w, request(test.operation, test.body))
			if got := w.Body.String(); w.Code != http.StatusOK || got != test.want {
				t.Errorf("got %d %s, want 200 %s", w.Code, got, test.want)
			}
			want := http.Header{
				"Content-Type":     {"application/x-amz-json-1.1"},
				"Content-Length":   {strconv.Itoa(len(test.want))},
				"X-Amzn-Requestid": {"id-1"},
			}
			if diff := cmp.Diff(want, w.Header()); diff != "" {
				t.Error("headers (-want +got):", diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	tests := []struct {
		name      string
		operation string
		body      string
		spoil     func(*http.Request)
		status    int
		code      string
		message   string
	}{
		{
			"wrong method", "Echo", `{}`, func(r *http.Request) { r.Method = http.MethodGet }, 404, "UnknownOperationException",
			"The method GET is not known: every operation is a POST.",
		},
		{
			"no target", "Echo", `{}`, func(r *http.Request) { r.Header.Del("X-Amz-Target") }, 404, "UnknownOperationException",
			"The header X-Amz-Target is missing or malformed: it has the form Service.Operation.",
		},
		{
			"target without a dot", "Echo", `{}`, header("X-Amz-Target", "Echo"), 404, "UnknownOperationException",
			"The header X-Amz-Target is missing or malformed: it has the form Service.Operation.",
		},
		{
			"unknown service", "Echo", `{}`, header("X-Amz-Target", "Other.Echo"), 404, "UnknownOperationException",
			"The service of the header X-Amz-Target is not known.",
		},
		{
			"unknown operation", "Delete", `{}`, nil, 404, "UnknownOperationException",
			"The operation of the header X-Amz-Target is not known.",
		},
		{
			"operation in the wrong case", "echo", `{}`, nil, 404, "UnknownOperationException",
			"The operation of the header X-Amz-Target is not known.",
		},
		{
			"wrong content type", "Echo", `{}`, header("Content-Type", "application/json"), 404, "UnknownOperationException",
			"The Content-Type of a request must be application/x-amz-json-1.1.",
		},
		{
			"announced too large", "Small", `{"name":"` + strings.Repeat("a", 40) + `"}`, nil, 413, "RequestEntityTooLargeException",
			"The request body is larger than 32 bytes.",
		},
		{
			"too large unannounced", "Small", `{"name":"` + strings.Repeat("a", 40) + `"}`, func(r *http.Request) { r.ContentLength = -1 }, 413, "RequestEntityTooLargeException",
			"The request body is larger than 32 bytes.",
		},
		{
			"no signature", "Echo", `{}`, func(r *http.Request) { r.Header.Del("Authorization") }, 400, "MissingAuthenticationTokenException",
			"Missing Authentication Token",
		},
		{
			"no signature on malformed JSON", "Echo", `{`, func(r *http.Request) { r.Header.Del("Authorization") }, 400, "MissingAuthenticationTokenException",
			"Missing Authentication Token",
		},
		{
			"authentication fails", "Echo", `{}`, header("Authorization", "broken"), 500, "ServerException",
			"The request failed because of an internal error.",
		},
		{"empty body breaks a constraint", "Echo", ``, nil, 400, "InvalidParameterException", "name must not be null"},
		{
			"malformed JSON", "Echo", `{"name":}`, nil, 400, "SerializationException",
			"The request body cannot be read as JSON: value expected at offset 8.",
		},
		{
			"truncated JSON", "Echo", `{"name":"a"`, nil, 400, "SerializationException",
			"The request body cannot be read as JSON: ',' expected at offset 11.",
		},
		{
			"trailing garbage", "Echo", `{"name":"a"} x`, nil, 400, "SerializationException",
			"The request body cannot be read as JSON: text after the value at offset 13.",
		},
		{"not an object", "Echo", `["a"]`, nil, 400, "SerializationException", "The request body must be a JSON object."},
		{"null", "Echo", `null`, nil, 400, "SerializationException", "The request body must be a JSON object."},
		{"invalid UTF-8", "Echo", "{\"name\":\"\xff\"}", nil, 400, "SerializationException", "The request body is not valid UTF-8."},
		{"number for a string", "Echo", `{"name":1}`, nil, 400, "SerializationException", "The member 'name' must be a string, not a number."},
		{"string for an integer", "Echo", `{"count":"1"}`, nil, 400, "SerializationException", "The member 'count' must be an integer of 32 bits, not a string."},
		{"fraction for an integer", "Echo", `{"count":1.5}`, nil, 400, "SerializationException", "The member 'count' must be an integer of 32 bits, not 1.5."},
		{"too large an integer", "Echo", `{"size":9223372036854775808}`, nil, 400, "SerializationException", "The member 'size' must be an integer of 64 bits, not 9223372036854775808."},
		{"an integer for 64 bits where 32 are", "Echo", `{"count":2147483648}`, nil, 400, "SerializationException", "The member 'count' must be an integer of 32 bits, not 2147483648."},
		{
			"a number of great length", "Echo", `{"size":` + strings.Repeat("1", 1000) + `}`, nil, 400, "SerializationException",
			"The member 'size' must be an integer of 64 bits, not " + strings.Repeat("1", 100) + "….",
		},
		{"too large a number", "Echo", `{"score":1e999}`, nil, 400, "SerializationException", "The member 'score' must be a number that 64 bits can hold, not 1e999."},
		{"malformed number", "Echo", `{"count":01}`, nil, 400, "SerializationException", "The request body cannot be read as JSON: malformed number at offset 9."},
		{"text for a time", "Echo", `{"since":"now"}`, nil, 400, "SerializationException", "The member 'since' cannot be read: a timestamp must be a number of seconds since 1970."},
		{"boolean for a number", "Echo", `{"score":true}`, nil, 400, "SerializationException", "The member 'score' must be a number, not a boolean."},
		{"object for a boolean", "Echo", `{"flag":{}}`, nil, 400, "SerializationException", "The member 'flag' must be a boolean, not an object."},
		{"string for a list", "Echo", `{"items":"a"}`, nil, 400, "SerializationException", "The member 'items' must be an array, not a string."},
		{"wrong type in a list", "Echo", `{"items":[{"tag":[]}]}`, nil, 400, "SerializationException", "The member 'items.1.member.tag' must be a string, not an array."},
		{"wrong type in the second of a list", "Echo", `{"items":[{},{"sub":{"tag":1}}]}`, nil, 400, "SerializationException", "The member 'items.2.member.sub.tag' must be a string, not a number."},
		{"string for an object", "Echo", `{"items":["a"]}`, nil, 400, "SerializationException", "The member 'items.1.member' must be an object, not a string."},
		{"duplicate member", "Echo", `{"name":"a","name":"b"}`, nil, 400, "SerializationException", "The request body cannot be read as JSON: duplicate name \"name\" at offset 12."},
		{"duplicate in an unknown member", "Echo", `{"x":{"a":1,"a":2}}`, nil, 400, "SerializationException", "The request body cannot be read as JSON: duplicate name \"a\" at offset 12."},
		{"half a surrogate pair", "Echo", `{"name":"\ud800"}`, nil, 400, "SerializationException", "The request body cannot be read as JSON: malformed escape at offset 9."},
		{"half a pair in an unknown member", "Echo", `{"x":"\udc00"}`, nil, 400, "SerializationException", "The request body cannot be read as JSON: malformed escape at offset 6."},
		{"name in the wrong case", "Echo", `{"Name":"a"}`, nil, 400, "InvalidParameterException", "name must not be null"},
		{"number for a blob", "Echo", `{"blob":5}`, nil, 400, "SerializationException", "The member 'blob' must be a base64 string, not a number."},
		{"bad base64", "Echo", `{"blob":"a*"}`, nil, 400, "SerializationException", "The member 'blob' must be a base64 string: illegal base64 data at input byte 1."},
		{
			"nested too deep", "Echo", `{"x":` + strings.Repeat("[", 20000), nil, 400, "SerializationException",
			"The request body cannot be read as JSON: nested too deeply at offset 104.",
		},
		{"a fault keeps its details", "Fault", `{"name":"a"}`, nil, 500, "ServerException", "The request failed because of an internal error."},
		{"a response that JSON cannot hold", "NotANumber", `{"name":"a"}`, nil, 500, "ServerException", "The request failed because of an internal error."},
		{"a refusal that JSON cannot hold", "RefuseOddly", `{"name":"a"}`, nil, 500, "ServerException", "The request failed because of an internal error."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := request(test.operation, test.body)
			if test.spoil != nil {
				test.spoil(r)
			}
			w := httptest.NewRecorder()
			handler(io.Discard).ServeHTTP(w, r)
			want := map[string]any{"__type": test.code, "message": test.message}
			if diff := cmp.Diff(want, object(t, w.Body.Bytes())); w.Code != test.status || diff != "" {
				t.Errorf("got status %d, want %d; body (-want +got): %s", w.Code, test.status, diff)
			}
			if got := w.Header().Get("X-Amzn-Errortype"); got != test.code {
				t.Errorf("X-Amzn-ErrorType is %q, want %q", got, test.code)
			}
			if got := w.Header().Get("X-Amzn-Requestid"); got != "id-1" {
				t.Errorf("x-amzn-RequestId is %q", got)
			}
			if got := w.Header().Get("Content-Type"); got != "application/x-amz-json-1.1" {
				t.Errorf("Content-Type is %q", got)
			}
		})
	}
}

func object(t *testing.T, body []byte) map[string]any {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("body %s: %v", body, err)
	}
	return got
}

func TestContentTypeMayHaveParameters(t *testing.T) {
	r := request("Echo", `{"name":"a"}`)
	r.Header.Set("Content-Type", "Application/X-Amz-Json-1.1; charset=utf-8")
	w := httptest.NewRecorder()
	handler(io.Discard).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestRefusalCarriesItsMembers(t *testing.T) {
	w := httptest.NewRecorder()
	handler(io.Discard).ServeHTTP(w, request("Refuse", `{"name":"a"}`))
	want := `{"__type":"InvalidLayerPartException","lastValidByteReceived":41,"message":"First byte"}`
	if got := w.Body.String(); w.Code != 400 || got != want {
		t.Errorf("got %d %s, want 400 %s", w.Code, got, want)
	}
}

func TestFaultIsLoggedWithTheRequestID(t *testing.T) {
	var log bytes.Buffer
	handler(&log).ServeHTTP(httptest.NewRecorder(), request("Fault", `{"name":"a"}`))
	for _, want := range []string{"level=ERROR", "request_id=id-1", "operation=Fault", "disk on fire"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q: %s", want, &log)
		}
	}
}

func TestRefusalIsNotLogged(t *testing.T) {
	var log bytes.Buffer
	handler(&log).ServeHTTP(httptest.NewRecorder(), request("Refuse", `{"name":"a"}`))
	if log.Len() > 0 {
		t.Errorf("logged %s", &log)
	}
}

func TestCallerThatLeavesIsNotAFault(t *testing.T) {
	var log bytes.Buffer
	s := service()
	s.Operations["Wait"] = operation(func(ctx context.Context, _ *note) (any, error) {
		<-ctx.Done()
		return nil, fmt.Errorf("wait: %w", ctx.Err())
	})
	h := awsjson.New(awsjson.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request("Wait", `{"name":"a"}`).WithContext(ctx))
	if got := object(t, w.Body.Bytes())["__type"]; got != "RequestAbortedException" || log.Len() > 0 {
		t.Errorf("got %v, log %s", got, &log)
	}
}

func TestTruncatedBodyIsRefused(t *testing.T) {
	server := httptest.NewServer(handler(io.Discard))
	defer server.Close()
	address, err := net.ResolveTCPAddr("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialTCP("tcp", nil, address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nAuthorization: ann\r\n"+
		"Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: Notes_1.Echo\r\n\r\n{\"name\":\"a\"}")
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	response, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(response), `"__type":"RequestAbortedException"`) {
		t.Errorf("got %s", response)
	}
}

func TestRequestIDsDiffer(t *testing.T) {
	h := awsjson.New(awsjson.Options{Log: slog.New(slog.DiscardHandler)}, service())
	seen := map[string]bool{}
	for range 2 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request("Silent", `{"name":"a"}`))
		seen[w.Header().Get("X-Amzn-Requestid")] = true
	}
	if len(seen) != 2 || seen[""] {
		t.Errorf("got the ids %v", seen)
	}
}

// Buffers are used again, so a response must not show through in the next one.
func TestConcurrentRequestsDoNotMix(t *testing.T) {
	h := handler(io.Discard)
	for i := range 8 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			body := fmt.Sprintf(`{"name":"%s"}`, strings.Repeat(strconv.Itoa(i), 1000*i+1))
			for range 200 {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, request("Echo", body))
				if w.Body.String() != body {
					t.Fatalf("got %s, want %s", w.Body, body)
				}
			}
		})
	}
}

// An unread body fails the test when somebody reads it.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestStrangersDoNotMakeTheServerReadABody(t *testing.T) {
	s := service()
	s.Precheck = func(*http.Request) error {
		return &awsjson.Error{Code: "MissingAuthenticationTokenException", Message: "Missing Authentication Token", Status: http.StatusBadRequest}
	}
	r := httptest.NewRequest(http.MethodPost, "/", unread{t})
	r.Header.Set("X-Amz-Target", "Notes_1.Echo")
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	w := httptest.NewRecorder()
	awsjson.New(awsjson.Options{Log: slog.New(slog.DiscardHandler)}, s).ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "MissingAuthenticationTokenException") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestGeneratedServiceIsServed(t *testing.T) {
	h := awsjson.New(awsjson.Options{Log: slog.New(slog.DiscardHandler)}, awsjson.Service{
		TargetPrefix: ecr.TargetPrefix,
		JSONVersion:  ecr.JSONVersion,
		Operations:   ecr.Operations(ecr.Unimplemented{}),
		Authenticate: authenticate,
	})
	tests := []struct {
		body string
		want map[string]any
	}{
		{`{"repositoryName":"app"}`, map[string]any{
			"__type":  "NotImplementedException",
			"message": "The operation CreateRepository is not implemented yet by this registry.",
		}},
		{`{}`, map[string]any{
			"__type":  "InvalidParameterException",
			"message": "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'Member must not be null'",
		}},
	}
	for _, test := range tests {
		r := request("", test.body)
		r.Header.Set("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.CreateRepository")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if diff := cmp.Diff(test.want, object(t, w.Body.Bytes())); w.Code != 400 || diff != "" {
			t.Errorf("%s: got status %d; body (-want +got): %s", test.body, w.Code, diff)
		}
	}
}

func FuzzRequestBody(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `[]`, `{"name":"a"}`, `{"name":1}`, `{"name":"a","count":1e3}`, `{"blob":"aGk="}`, `{"items":[null,{}]}`,
		`{"name":"a","score":-1.5e3,"flag":true,"since":1,"blob":"","items":[{"tag":"x","sub":{}}]}`, `{"name":"a"}{"name":"b"}`, `{"name":"\ud800"}`, "\xef\xbb\xbf{}", `{"NAME":"a"}`, strings.Repeat(`{"x":`, 100),
	} {
		f.Add([]byte(seed))
	}
	h := handler(io.Discard)
	f.Fuzz(func(t *testing.T, body []byte) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request("Echo", string(body)))
		got := object(t, w.Body.Bytes())
		switch _, refused := got["__type"]; {
		case w.Code == http.StatusOK && !refused && got["name"] != "" && json.Valid(body):
			again := httptest.NewRecorder()
			h.ServeHTTP(again, request("Echo", w.Body.String()))
			if again.Body.String() != w.Body.String() {
				t.Errorf("%s was read as %s", w.Body, again.Body)
			}
		case w.Code == http.StatusBadRequest && refused:
		default:
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
}

func BenchmarkHandler(b *testing.B) {
	h := handler(io.Discard)
	body := `{"name":"team/app","count":100,"items":[{"tag":"latest"}]}`
	w := discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		r := &http.Request{
			Method: http.MethodPost, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
			Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"Notes_1.Echo"}, "Authorization": {"ann"}},
		}
		h.ServeHTTP(w, r)
	}
}

// BenchmarkLayerPart is the largest request that there is.
func BenchmarkLayerPart(b *testing.B) {
	blob := make([]byte, 20<<20)
	body, err := json.Marshal(note{Name: "a", Blob: blob})
	if err != nil {
		b.Fatal(err)
	}
	s := service()
	s.Limits = map[string]int64{"Silent": 28 << 20}
	h := awsjson.New(awsjson.Options{Log: slog.New(slog.DiscardHandler)}, s)
	b.SetBytes(int64(len(blob)))
	b.ReportAllocs()
	for b.Loop() {
		r := request("Silent", "")
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		h.ServeHTTP(discard{http.Header{}}, r)
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// Package awsquery speaks the AWS Query protocol, the one of IAM and STS: it
// turns the parameters of a form or a query string into the call of an
// operation, and what comes back into XML.
//
// It knows no service and is the sibling of package awsjson: a [Service] is an
// operation table, as internal/gen writes it, with the settings of the service;
// who calls is found out by an injected function. Requests are checked in the
// same order: what operation, who calls, what parameters, which constraints,
// and only then the call.
//
// Here the operation is named in the body, so that the body is read before
// anything else is known of a request. Someone who cannot name a key makes the
// server read no more than [UnsignedLimit].
package awsquery

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"sync"

	"github.com/google/uuid"

	"github.com/nifuda/nifuda/internal/httpx"
)

// The operation table's types, the same as in every generated package.
type (
	// An Operation makes an empty request, to be filled from the parameters, and
	// the call that answers it.
	Operation = func() (Request, Call)
	// A Request is a pointer to a structure that can check itself once it is filled.
	Request = interface{ Validate() error }
	// A Call answers its request. Nil responds with nothing but the request id.
	Call = func(ctx context.Context) (any, error)
)

const (
	// DefaultLimit is how many bytes a request's body may have. The longest that
	// makes sense has some policies, percent-encoded.
	DefaultLimit = 2 << 20

	// UnsignedLimit is how many a body may have that a stranger sends.
	UnsignedLimit = httpx.SmallBody

	// bodyShare is how much memory a byte of a body takes: itself, its
	// parameters decoded and sorted, and what is made of them.
	bodyShare = 4

	// maxRecycled is the largest buffer that is kept for another request.
	maxRecycled = httpx.SmallBody + bytes.MinRead
)

// A Service is one API behind a [Handler].
type Service struct {
	// Name is the protocol in the records of requests, see [httpx.Record].
	Name string
	// Version tells the services apart: it is the parameter Version of every request.
	Version string
	// Namespace is that of the XML of responses.
	Namespace string
	// Operations are the operations by their names, which are case-sensitive.
	Operations map[string]Operation
	// Unsigned are the operations that prove who calls by something other than a
	// signature, each with what makes its context: that is called instead of
	// [Service.Authenticate], whatever signature the request has.
	Unsigned map[string]func(r *http.Request) context.Context
	// Authenticate finds out who calls, from a request and its whole body,
	// which it must not keep. It returns the context that the operation gets,
	// or a [Refusal]; any other error is a fault of the server.
	Authenticate func(r *http.Request, body []byte) (context.Context, error)
	// FaultCode is the code of the error that hides a fault of the server;
	// empty means InternalFailure.
	FaultCode string
}

// Options are what a [Handler] needs beside its services.
type Options struct {
	// Log takes the faults of the server, which callers are not told. It is required.
	Log *slog.Logger
	// RequestID returns the id that the response carries, for example the one
	// that the access log has. Nil means a fresh UUID for each request.
	RequestID func(*http.Request) string
	// Bodies reads the bodies of requests; nil means one of the handler's own.
	Bodies *httpx.Bodies
	// Precheck refuses what the services would refuse without looking at the
	// body. Nil refuses nothing.
	Precheck func(r *http.Request) error
}

// A Handler answers the requests to any number of services on one path,
// normally POST /. It is safe for concurrent use.
type Handler struct {
	services  map[string]*Service
	log       *slog.Logger
	requestID func(*http.Request) string
	bodies    *httpx.Bodies
	precheck  func(r *http.Request) error
	buffers   sync.Pool
}

// New returns the handler for the services. It panics if an operation's request
// has a type that parameters cannot be read into, such as an interface.
func New(o Options, services ...Service) *Handler {
	h := &Handler{
		services:  make(map[string]*Service, len(services)),
		log:       o.Log,
		requestID: o.RequestID,
		bodies:    o.Bodies,
		precheck:  o.Precheck,
		buffers:   sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
	if h.bodies == nil {
		h.bodies = httpx.NewBodies("", httpx.DefaultBodyMemory)
	}
	if h.requestID == nil {
		h.requestID = func(*http.Request) string { return uuid.Must(uuid.NewV7()).String() }
	}
	if h.precheck == nil {
		h.precheck = func(*http.Request) error { return nil }
	}
	for i := range services {
		h.services[services[i].Version] = &services[i]
		for _, operation := range services[i].Operations {
			in, _ := operation()
			mustBeReadable(in)
		}
	}
	return h
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := exchange{Handler: h, w: w, r: r, requestID: h.requestID(r)}
	out, err := x.call()
	if err != nil {
		x.refuse(err)
		return
	}
	x.respond(out)
}

// An exchange is one request with its response.
type exchange struct {
	*Handler
	w         http.ResponseWriter
	r         *http.Request
	requestID string
	// stranger is what the precheck has against the caller.
	stranger error
	// service and operation are set once they are known.
	service   *Service
	operation string
}

// call checks the request step by step and returns what the operation does.
func (x *exchange) call() (any, error) {
	if x.r.Method != http.MethodPost && x.r.Method != http.MethodGet {
		return nil, &Error{Code: "InvalidHttpMethod", Message: "The method of a request must be POST or GET.", Status: http.StatusMethodNotAllowed}
	}
	buffer := x.buffers.Get().(*bytes.Buffer)
	defer x.recycle(buffer)
	release, err := x.read(buffer)
	if err != nil {
		return nil, err
	}
	defer release()
	form, err := x.parameters(buffer.Bytes())
	if err != nil {
		return nil, err
	}
	operation, err := x.route(form)
	if err != nil {
		return nil, err
	}
	ctx, err := x.authenticate(buffer.Bytes())
	if err != nil {
		return nil, err
	}
	in, call := operation()
	if err := decode(form, in); err != nil {
		return nil, err
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	record := httpx.RecordOf(x.r.Context())
	record.Input = in
	record.Output, err = call(ctx)
	return record.Output, err
}

// read reads the body, of which strangers may send less.
func (x *exchange) read(buffer *bytes.Buffer) (release func(), err error) {
	limit := int64(DefaultLimit)
	x.stranger = x.precheck(x.r)
	if x.stranger != nil {
		limit = UnsignedLimit
	}
	release, err = x.bodies.ReadWhole(buffer, x.w, x.r, limit, bodyShare)
	switch {
	case errors.Is(err, httpx.ErrTooLarge) && x.stranger != nil:
		return nil, x.stranger
	case errors.Is(err, httpx.ErrTooLarge):
		return nil, tooLarge(limit)
	case errors.Is(err, httpx.ErrCrowded):
		return nil, &Error{Code: "Throttling", Message: "Rate exceeded", Status: http.StatusTooManyRequests}
	case errors.Is(err, httpx.ErrLate):
		return nil, &Error{Code: "RequestTimeout", Message: "The request body did not arrive in time.", Status: http.StatusRequestTimeout}
	case errors.Is(err, httpx.ErrAborted):
		return nil, aborted()
	}
	return release, err
}

func (h *Handler) recycle(b *bytes.Buffer) {
	if b.Cap() <= maxRecycled {
		b.Reset()
		h.buffers.Put(b)
	}
}

// parameters returns those of the query string and, in a POST, of the form.
func (x *exchange) parameters(body []byte) (parameters, error) {
	if x.r.Method != http.MethodPost || len(body) == 0 {
		return parse(x.r.URL.RawQuery)
	}
	if !isForm(x.r.Header.Get("Content-Type")) {
		return nil, malformedInput("The Content-Type of a request must be " + formType + ".")
	}
	return parse(x.r.URL.RawQuery, string(body))
}

const formType = "application/x-www-form-urlencoded"

func isForm(header string) bool {
	if header == formType || header == formType+"; charset=utf-8" {
		return true
	}
	got, _, err := mime.ParseMediaType(header)
	return err == nil && got == formType
}

// route finds the operation and puts it into the record of the request, which
// so has it even if the request is refused later.
func (x *exchange) route(form parameters) (Operation, error) {
	action, ok := form.value("Action")
	if !ok {
		return nil, &Error{Code: "MissingAction", Message: "The request must contain the parameter Action."}
	}
	version, _ := form.value("Version")
	service := x.services[version]
	if service == nil {
		return nil, unknownOperation(action, version)
	}
	x.service = service
	record := httpx.RecordOf(x.r.Context())
	record.Protocol = service.Name
	operation := service.Operations[action]
	if operation == nil {
		return nil, unknownOperation(action, version)
	}
	x.operation, record.Operation = action, action
	return operation, nil
}

func (x *exchange) authenticate(body []byte) (context.Context, error) {
	if unsigned, ok := x.service.Unsigned[x.operation]; ok {
		return unsigned(x.r), nil
	}
	if x.stranger != nil {
		return nil, x.stranger // whose proof is not looked at a second time
	}
	return x.service.Authenticate(x.r, body)
}

// Package awsjson speaks the AWS JSON protocol: it turns an HTTP request into
// the call of an operation, and what comes back into a response.
//
// It knows no service. A [Service] is an operation table, as internal/gen
// writes it, with the settings of the service; who calls is found out by an
// injected function. Requests are checked in the order of AWS: what operation,
// who calls, what JSON, which constraints, and only then the call, which
// decides on permission and existence (spec A.4).
//
// What the Query protocol of AWS needs as well is not here but in the types
// that both are given: the operation table and the methods of its errors, see
// [Refusal].
package awsjson

import (
	"bytes"
	"context"
	"log/slog"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"unsafe"

	"github.com/google/uuid"

	"github.com/nifuda/nifuda/internal/httpx"
)

// The operation table's types, the same as in every generated package.
type (
	// An Operation makes an empty request, to be filled from the body, and the
	// call that answers it.
	Operation = func() (Request, Call)
	// A Request is a pointer to a structure that can check itself once it is filled.
	Request = interface{ Validate() error }
	// A Call answers its request. A nil response is sent as {}.
	Call = func(ctx context.Context) (any, error)
)

const (
	// DefaultLimit is how many bytes a request's body may have.
	DefaultLimit = 10 << 20

	// UnsignedLimit is how many a body may have that nobody has signed.
	UnsignedLimit = httpx.SmallBody
)

// A Service is one API behind a [Handler].
type Service struct {
	// Name is the protocol in the records of requests, see [httpx.Record].
	Name string
	// TargetPrefix stands before the dot and the operation in X-Amz-Target.
	TargetPrefix string
	// JSONVersion is that of the protocol, 1.0 or 1.1; it is part of the content type.
	JSONVersion string
	// Operations are the operations by their names, which are case-sensitive.
	Operations map[string]Operation
	// Limits are the sizes in bytes that the bodies of single operations may
	// have instead of [DefaultLimit].
	Limits map[string]int64
	// Unsigned are the operations that prove who calls by something other than a
	// signature, each with what makes its context: that is called instead of
	// [Service.Precheck] and [Service.Authenticate], whatever signature the
	// request has.
	Unsigned map[string]func(r *http.Request) context.Context
	// Precheck refuses what Authenticate would refuse without looking at the
	// body, so that nobody without credentials makes the server read one. Nil
	// refuses nothing.
	Precheck func(r *http.Request) error
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
}

// A Handler answers the requests to any number of services on one path,
// normally POST /. It is safe for concurrent use.
type Handler struct {
	services  map[string]*Service
	shapes    shapes
	log       *slog.Logger
	requestID func(*http.Request) string
	bodies    *httpx.Bodies
	buffers   sync.Pool
}

// New returns the handler for the services. It panics if an operation's request
// has a type that JSON cannot be read into, such as an interface.
func New(o Options, services ...Service) *Handler {
	h := &Handler{
		services:  make(map[string]*Service, len(services)),
		shapes:    shapes{},
		log:       o.Log,
		requestID: o.RequestID,
		bodies:    o.Bodies,
	}
	if h.bodies == nil {
		h.bodies = httpx.NewBodies("", httpx.DefaultBodyMemory)
	}
	if h.requestID == nil {
		h.requestID = func(*http.Request) string { return uuid.Must(uuid.NewV7()).String() }
	}
	for i := range services {
		h.services[services[i].TargetPrefix] = &services[i]
		for _, operation := range services[i].Operations {
			in, _ := operation()
			h.shapes.add(reflect.TypeOf(in).Elem())
		}
	}
	return h
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := exchange{Handler: h, w: w, r: r, requestID: h.requestID(r), contentType: "application/x-amz-json-1.1"}
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
	w           http.ResponseWriter
	r           *http.Request
	requestID   string
	contentType string
	// service and operation are set once they are known.
	service   *Service
	operation string
}

// call checks the request step by step and returns what the operation does.
func (x *exchange) call() (any, error) {
	operation, err := x.route()
	if err != nil {
		return nil, err
	}
	in, call := operation()
	ctx, release, err := x.receive(in)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := in.Validate(); err != nil {
		return nil, err
	}
	record := httpx.RecordOf(x.r.Context())
	record.Input = in
	record.Output, err = call(ctx)
	return record.Output, err
}

// route finds the operation and puts it into the record of the request, which
// so has it even if the request is refused later. As in AWS, a request of
// another form is one for an operation that nobody knows.
func (x *exchange) route() (Operation, error) {
	if x.r.Method != http.MethodPost {
		return nil, unknownOperation("The method " + x.r.Method + " is not known: every operation is a POST.")
	}
	prefix, name, ok := strings.Cut(x.r.Header.Get("X-Amz-Target"), ".")
	if !ok {
		return nil, unknownOperation("The header X-Amz-Target is missing or malformed: it has the form Service.Operation.")
	}
	service := x.services[prefix]
	if service == nil {
		return nil, unknownOperation("The service of the header X-Amz-Target is not known.")
	}
	x.service, x.contentType = service, "application/x-amz-json-"+service.JSONVersion
	record := httpx.RecordOf(x.r.Context())
	record.Protocol = service.Name
	operation := service.Operations[name]
	if operation == nil {
		return nil, unknownOperation("The operation of the header X-Amz-Target is not known.")
	}
	x.operation, record.Operation = name, name
	if !hasMediaType(x.r.Header.Get("Content-Type"), x.contentType) {
		return nil, unknownOperation("The Content-Type of a request must be " + x.contentType + ".")
	}
	return operation, nil
}

func hasMediaType(header, want string) bool {
	if header == want {
		return true
	}
	got, _, err := mime.ParseMediaType(header)
	return err == nil && got == want
}

// receive reads the body, authenticates it, and decodes it into in. The caller
// calls release once it is done with in.
func (x *exchange) receive(in Request) (_ context.Context, release func(), err error) {
	ctx, text, release, err := x.authenticate()
	if err != nil {
		return nil, nil, err
	}
	if err := x.shapes.decode(text, in); err != nil {
		release()
		return nil, nil, err
	}
	return ctx, release, nil
}

// authenticate reads the body and returns its text, once it is known who sent it.
func (x *exchange) authenticate() (ctx context.Context, text string, release func(), err error) {
	limit, ok := x.service.Limits[x.operation]
	if !ok {
		limit = DefaultLimit
	}
	unsigned := x.service.Unsigned[x.operation]
	if unsigned != nil {
		limit = UnsignedLimit
	} else if x.service.Precheck != nil {
		if err := x.service.Precheck(x.r); err != nil {
			return nil, "", nil, err
		}
	}
	buffer := x.buffer()
	defer x.recycle(buffer)
	if release, err = x.read(buffer, x.w, x.r, limit); err != nil {
		return nil, "", nil, err
	}
	if unsigned != nil {
		return unsigned(x.r), textOf(buffer), release, nil
	}
	if ctx, err = x.service.Authenticate(x.r, buffer.Bytes()); err != nil {
		release()
		return nil, "", nil, err
	}
	return ctx, textOf(buffer), release, nil
}

// textOf returns what a buffer has. A large buffer is nobody else's, and so the
// text shares its memory.
func textOf(buffer *bytes.Buffer) string {
	if buffer.Cap() <= maxRecycled {
		return buffer.String()
	}
	b := buffer.Bytes()
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// maxRecycled is the largest buffer that is kept for another request: large
// ones are rare and would only hold memory.
const maxRecycled = httpx.SmallBody + bytes.MinRead

func (h *Handler) buffer() *bytes.Buffer {
	if b, ok := h.buffers.Get().(*bytes.Buffer); ok {
		b.Reset()
		return b
	}
	return new(bytes.Buffer)
}

func (h *Handler) recycle(b *bytes.Buffer) {
	if b.Cap() <= maxRecycled {
		h.buffers.Put(b)
	}
}

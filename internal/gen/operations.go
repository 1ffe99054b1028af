package main

import "fmt"

func (p *pkg) printOperations(w *printer) {
	w.p("import (\n\"context\"\n\"slices\"\n)\n")
	p.printMetadata(w)

	w.p("// A Service answers the operations of the API. It is only asked what is valid:")
	w.p("// a request's Validate has found nothing.")
	w.p("type Service interface {")
	for _, name := range p.operationNames() {
		w.p("%s(ctx context.Context, in *%s) %s", exported(name), p.input(name), p.results(name, "*%s"))
	}
	w.p("}\n")

	w.WriteString(operationSource)
	if p.hasOperation(func(op operation) bool { return op.Output != nil }) {
		w.WriteString(outputSource)
	}
	if p.hasOperation(func(op operation) bool { return op.Output == nil }) {
		w.WriteString(noOutputSource)
	}
	p.printTable(w)
	p.printUnimplemented(w)
}

func (p *pkg) printMetadata(w *printer) {
	w.p("const (")
	w.p("// APIVersion is the version of the model.\nAPIVersion = %q", p.Metadata.APIVersion)
	w.p("// SigningName is the service in the credential scope of a signature.\nSigningName = %q", p.Metadata.signingName())
	if p.Metadata.TargetPrefix != "" {
		w.p("// TargetPrefix stands before the dot and the operation in X-Amz-Target.\nTargetPrefix = %q", p.Metadata.TargetPrefix)
	}
	if p.Metadata.JSONVersion != "" {
		w.p("// JSONVersion is the version of the AWS JSON protocol.\nJSONVersion = %q", p.Metadata.JSONVersion)
	}
	if p.Metadata.XMLNamespace != "" {
		w.p("// XMLNamespace is the namespace of responses in XML.\nXMLNamespace = %q", p.Metadata.XMLNamespace)
	}
	w.p(")\n")
}

func (p *pkg) printTable(w *printer) {
	w.p("// Operations is the operation table of a service: every operation of the model")
	w.p("// by its name, bound to s.")
	w.p("func Operations(s Service) map[string]Operation {\nreturn map[string]Operation{")
	for _, name := range p.operationNames() {
		bind := "bind"
		if p.Operations[name].Output == nil {
			bind = "bindWithoutResponse"
		}
		w.p("%q: %s(s.%s),", name, bind, exported(name))
	}
	w.p("}\n}\n")
}

func (p *pkg) printUnimplemented(w *printer) {
	w.WriteString(unimplementedSource)
	for _, name := range p.operationNames() {
		results := p.results(name, "*%s")
		zero := "nil, "
		if p.Operations[name].Output == nil {
			zero = ""
		}
		w.p("// %s answers NotImplementedException.", exported(name))
		w.p("func (Unimplemented) %s(context.Context, *%s) %s { return %snotImplemented(%q) }\n", exported(name), p.input(name), results, zero, name)
	}
}

func (p *pkg) input(operation string) string { return exported(p.Operations[operation].Input.Shape) }

func (p *pkg) results(operation, format string) string {
	out := p.Operations[operation].Output
	if out == nil {
		return "error"
	}
	return "(" + fmt.Sprintf(format, exported(out.Shape)) + ", error)"
}

func (p *pkg) hasOperation(is func(operation) bool) bool {
	for _, op := range p.Operations {
		if is(op) {
			return true
		}
	}
	return false
}

const operationSource = `
// The types of the operation table are aliases without names of their own, so
// that the tables of all services are one type to a protocol package, although
// no package imports another.
type (
	// An Operation makes an empty request, to be filled from the wire, and the
	// call that answers it.
	Operation = func() (Request, Call)
	// A Request can check itself. Its error is an *Error for the caller.
	Request = interface{ Validate() error }
	// A Call answers its request. The response is a pointer to a structure, or
	// nil for an operation that responds with nothing.
	Call = func(ctx context.Context) (any, error)
)

`

const outputSource = `
func bind[In, Out any, P interface { *In; Request }](call func(context.Context, P) (*Out, error)) Operation {
	return func() (Request, Call) {
		in := P(new(In))
		return in, func(ctx context.Context) (any, error) { return call(ctx, in) }
	}
}

`

const noOutputSource = `
func bindWithoutResponse[In any, P interface { *In; Request }](call func(context.Context, P) error) Operation {
	return func() (Request, Call) {
		in := P(new(In))
		return in, func(ctx context.Context) (any, error) { return nil, call(ctx, in) }
	}
}

`

const unimplementedSource = `
// NotImplemented names, sorted, the operations that s answers with
// NotImplementedException. It calls each with an empty request, which need not
// be valid, under a context that is over, and takes a panic for an answer of
// another kind. That is for tests.
func NotImplemented(s Service) []string {
	var names []string
	for name, operation := range Operations(s) {
		if _, call := operation(); isNotImplemented(call) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func isNotImplemented(call Call) (yes bool) {
	defer func() { _ = recover() }()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := call(ctx)
	refusal, ok := err.(*Error)
	return ok && refusal.Code == codeNotImplemented
}

const codeNotImplemented = "NotImplementedException"

func notImplemented(operation string) error {
	return NewError(codeNotImplemented, "The operation "+operation+" is not implemented yet by this registry.")
}

// Unimplemented answers every operation with NotImplementedException. A service
// embeds it and overrides what it has.
type Unimplemented struct{}

var _ Service = Unimplemented{}

`

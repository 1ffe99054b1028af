package httpx

import (
	"net/http"
	"strconv"
)

// endSpan says what became of a request, in OpenTelemetry's words, and ends its
// span. Neither the query nor a header is among them.
func (x *exchange) endSpan(r *http.Request) {
	if !x.span.IsOn() {
		return
	}
	record := &x.record
	x.span.Name(spanName(record, r.Method))
	x.span.Text("http.request.method", knownMethod(r.Method))
	x.span.Text("url.path", cut(r.URL.Path))
	x.span.Text("url.scheme", schemeOf(record))
	x.span.Text("server.address", cut(r.Host))
	x.span.Text("client.address", record.Source.String())
	x.span.Text("network.protocol.version", strconv.Itoa(r.ProtoMajor)+"."+strconv.Itoa(r.ProtoMinor))
	x.span.Text("aws.request_id", record.ID)
	x.span.Text("nifuda.protocol", orOther(record.Protocol))
	x.span.Text("nifuda.operation", orOther(record.Operation))
	x.span.Number("http.response.body.size", x.writer.bytes)
	x.span.Number("http.request.body.size", x.body.bytes)
	switch status := x.writer.status; {
	case status == 0:
		x.span.FailAs("aborted")
	case status >= http.StatusInternalServerError:
		x.span.Number("http.response.status_code", int64(status))
		x.span.FailAs(strconv.Itoa(status))
	default:
		x.span.Number("http.response.status_code", int64(status))
	}
	x.span.End()
}

// spanName is what requests of one kind have in common.
func spanName(record *Record, method string) string {
	if record.Operation == "" {
		return knownMethod(method)
	}
	return record.Protocol + " " + record.Operation
}

func schemeOf(record *Record) string {
	if record.Secure {
		return "https"
	}
	return "http"
}

package awsquery

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/httpx"
)

// faultNamespace is that of an error before its service is known.
const faultNamespace = "http://webservices.amazon.com/AWSFault/2005-15-09"

// respond sends what an operation returned.
func (x *exchange) respond(out any) {
	d := new(document)
	d.open(x.operation+"Response", x.service.Namespace)
	if v := reflect.ValueOf(out); v.IsValid() && !v.IsNil() {
		d.result(x.operation+"Result", v.Elem())
	}
	d.WriteString("<ResponseMetadata>")
	d.text("RequestId", x.requestID)
	d.WriteString("</ResponseMetadata>")
	d.end(x.operation + "Response")
	if d.err != nil {
		x.refuse(fmt.Errorf("encode response: %w", d.err))
		return
	}
	x.write(http.StatusOK, d.Bytes())
}

// refuse sends an error.
func (x *exchange) refuse(err error) {
	refusal := x.refusal(err)
	record := httpx.RecordOf(x.r.Context())
	record.ErrorCode, record.ErrorMessage = refusal.ErrorCode(), refusal.ErrorMessage()
	namespace, side := faultNamespace, "Sender"
	if x.service != nil {
		namespace = x.service.Namespace
	}
	if refusal.ErrorStatus() >= http.StatusInternalServerError {
		side = "Receiver"
	}
	d := new(document)
	d.open("ErrorResponse", namespace)
	d.WriteString("<Error>")
	d.text("Type", side)
	d.text("Code", refusal.ErrorCode())
	d.text("Message", refusal.ErrorMessage())
	d.WriteString("</Error>")
	d.text("RequestId", x.requestID)
	d.end("ErrorResponse")
	x.w.Header().Set("X-Amzn-Errortype", refusal.ErrorCode())
	x.write(refusal.ErrorStatus(), d.Bytes())
}

// write sends a whole response at once.
func (x *exchange) write(status int, body []byte) {
	header := x.w.Header()
	header.Set("Content-Type", "text/xml")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set(httpx.RequestIDHeader, x.requestID)
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body) // a caller that has gone needs no answer
}

// A document is XML being written. Its elements have the names of shapes and
// members, which are names in XML too.
type document struct {
	bytes.Buffer
	err error
}

func (d *document) open(name, namespace string) {
	d.WriteString("<" + name + ` xmlns="` + namespace + `">`)
}

func (d *document) start(name string) { d.WriteString("<" + name + ">") }
func (d *document) end(name string)   { d.WriteString("</" + name + ">") }

// text writes an element with a text. A character that XML cannot have becomes
// U+FFFD.
func (d *document) text(name, text string) {
	d.start(name)
	_ = xml.EscapeText(d, []byte(text)) // a buffer takes everything
	d.end(name)
}

// value writes an element with a value of a response.
func (d *document) value(name string, v reflect.Value) {
	switch {
	case v.Kind() == reflect.Pointer:
		if !v.IsNil() {
			d.value(name, v.Elem())
		}
	case isScalar(v.Type()):
		d.text(name, d.scalar(v))
	case v.Kind() == reflect.Struct:
		d.start(name)
		for field, member := range v.Fields() {
			d.member(wireName(field), field, member)
		}
		d.end(name)
	case v.Kind() == reflect.Slice:
		d.start(name)
		for i := range v.Len() {
			d.value("member", v.Index(i))
		}
		d.end(name)
	case v.Kind() == reflect.Map:
		d.start(name)
		d.entries(v)
		d.end(name)
	default:
		d.err = fmt.Errorf("a response cannot have a %s", v.Type())
	}
}

// result writes what an operation returned. Its own lists are there even without
// an element, and so is whether they are cut off.
func (d *document) result(name string, v reflect.Value) {
	d.start(name)
	for field, member := range v.Fields() {
		name := wireName(field)
		switch {
		case name == "IsTruncated" && member.IsZero():
			d.text(name, "false")
		case !isScalar(field.Type) && field.Type.Kind() == reflect.Slice:
			d.value(name, member)
		default:
			d.member(name, field, member)
		}
	}
	d.end(name)
}

// member writes a member of a structure unless it is absent.
func (d *document) member(name string, field reflect.StructField, v reflect.Value) {
	if !v.IsZero() || !strings.HasSuffix(field.Tag.Get("json"), ",omitzero") {
		d.value(name, v)
	}
}

// entries writes a map in the order of its keys.
func (d *document) entries(v reflect.Value) {
	values := map[string]reflect.Value{}
	for key, value := range v.Seq2() {
		values[key.String()] = value
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		d.start("entry")
		d.text("key", key)
		d.value("value", values[key])
		d.end("entry")
	}
}

// scalar returns a value as text. Times are in seconds, as IAM and STS have them.
func (d *document) scalar(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case reflect.Slice:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	default:
		return v.Field(0).Interface().(time.Time).UTC().Format("2006-01-02T15:04:05Z")
	}
}

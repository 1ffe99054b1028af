package audit

import (
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// Hidden stands for a secret in a record, as in CloudTrail's.
const Hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"

const (
	// maxMember is the longest text in bytes that a record has: a policy is in
	// it, the manifest of an image with many layers is not.
	maxMember = 10 << 10

	// maxParameters is how many bytes the parameters of a call may have in a
	// record, and as many its answer: about what CloudTrail allows.
	maxParameters = 100 << 10
)

// omitted stands for parameters that are too many.
const omitted = `{"omitted":true,"reason":"The event is larger than an audit record may be."}`

// timeLayout is how CloudTrail writes the times in an answer.
const timeLayout = "Jan 2, 2006 3:04:05 PM"

// secrets are the members whose values are credentials, in whatever structure
// they are, in lower case: what the models call sensitive (a test holds this
// list to them), and what they should.
var secrets = map[string]bool{
	"authorizationtoken": true,
	"contextassertion":   true,
	"downloadurl":        true, // whoever has it may read the layer
	"newpassword":        true,
	"oldpassword":        true,
	"password":           true,
	"plaintext":          true,
	"samlassertion":      true,
	"secretaccesskey":    true,
	"sessiontoken":       true,
	"tokencode":          true,
	"webidentitytoken":   true,
}

// appendParameters writes the members of a request or an answer as an object,
// without secrets and without what is large; null for none.
func appendParameters(b []byte, structure any) []byte {
	v := reflect.ValueOf(structure)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct || v.NumField() == 0 {
		return append(b, "null"...)
	}
	start := len(b)
	b = planOf(v.Type())(b, v)
	if len(b)-start > maxParameters {
		return append(b[:start], omitted...)
	}
	return b
}

// A plan writes the values of one type.
type plan func(b []byte, v reflect.Value) []byte

// plans are those of the types that were met.
var plans sync.Map // of reflect.Type to plan

func planOf(t reflect.Type) plan {
	if made, ok := plans.Load(t); ok {
		return made.(plan)
	}
	made := makePlan(t)
	plans.Store(t, made)
	return made
}

func makePlan(t reflect.Type) plan {
	if t.Kind() == reflect.Struct && t.NumField() == 1 && t.Field(0).Type == reflect.TypeFor[time.Time]() {
		return appendTime
	}
	switch t.Kind() {
	case reflect.Pointer:
		return func(b []byte, v reflect.Value) []byte { return planOf(t.Elem())(b, v.Elem()) }
	case reflect.Struct:
		return structure(t)
	case reflect.Slice:
		return list(t)
	case reflect.Map:
		return appendMap
	case reflect.String:
		return func(b []byte, v reflect.Value) []byte { return appendText(b, v.String()) }
	case reflect.Bool:
		return func(b []byte, v reflect.Value) []byte { return strconv.AppendBool(b, v.Bool()) }
	case reflect.Int32, reflect.Int64:
		return func(b []byte, v reflect.Value) []byte { return strconv.AppendInt(b, v.Int(), 10) }
	case reflect.Float64:
		return func(b []byte, v reflect.Value) []byte { return strconv.AppendFloat(b, v.Float(), 'g', -1, 64) }
	default:
		return func(b []byte, _ reflect.Value) []byte { return append(b, "null"...) }
	}
}

func appendTime(b []byte, v reflect.Value) []byte {
	at, _ := reflect.TypeAssert[time.Time](v.Field(0))
	b = append(b, '"')
	b = at.UTC().AppendFormat(b, timeLayout)
	return append(b, '"')
}

// structure writes the members that are there, named as CloudTrail names them:
// with a small first letter.
func structure(t reflect.Type) plan {
	type member struct {
		index  int
		name   string // with quotes and colon
		secret bool
	}
	var members []member
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		first, size := utf8.DecodeRuneInString(name)
		members = append(members, member{
			index:  field.Index[0],
			name:   `"` + string(unicode.ToLower(first)) + name[size:] + `":`,
			secret: secrets[strings.ToLower(name)],
		})
	}
	return func(b []byte, v reflect.Value) []byte {
		b = append(b, '{')
		first := true
		for _, m := range members {
			value := v.Field(m.index)
			if value.IsZero() || isLarge(value) {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(b, m.name...)
			if m.secret {
				b = append(b, `"`+Hidden+`"`...)
				continue
			}
			if b = planOf(value.Type())(b, value); len(b) > 2*maxParameters {
				break // it will be left out
			}
		}
		return append(b, '}')
	}
}

// isLarge reports what a record leaves out: bytes and long texts.
func isLarge(v reflect.Value) bool {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.String:
		return v.Len() > maxMember
	case reflect.Slice:
		return v.Type().Elem().Kind() == reflect.Uint8
	default:
		return false
	}
}

func list(t reflect.Type) plan {
	return func(b []byte, v reflect.Value) []byte {
		element := planOf(t.Elem())
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			if b = element(b, v.Index(i)); len(b) > 2*maxParameters {
				break // it will be left out
			}
		}
		return append(b, ']')
	}
}

func appendMap(b []byte, v reflect.Value) []byte {
	b = append(b, '{')
	first := true
	for entries := v.MapRange(); entries.Next(); {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendText(b, entries.Key().String())
		b = append(b, ':')
		b = planOf(v.Type().Elem())(b, entries.Value())
	}
	return append(b, '}')
}

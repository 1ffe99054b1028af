// Package strictjson reads JSON that a stranger wrote and other parsers will
// read too. Whatever two parsers could understand differently is an error:
// duplicate names, invalid UTF-8, lone surrogates (RFC 7493, I-JSON), text
// after the value; and so is nesting deeper than [MaxDepth]. Names are matched
// exactly, unlike in encoding/json.
package strictjson

import (
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxDepth is how many arrays and objects may nest.
const MaxDepth = 100

// A Kind is the type of a JSON value.
type Kind string

// The kinds of values. Invalid is where no value begins.
const (
	Invalid Kind = "invalid"
	Null    Kind = "null"
	Bool    Kind = "boolean"
	Number  Kind = "number"
	String  Kind = "string"
	Array   Kind = "array"
	Object  Kind = "object"
)

// Error says what is wrong with a text and where.
type Error struct {
	// Offset is the position in bytes.
	Offset  int
	Message string
}

func (e *Error) Error() string {
	return e.Message + " at offset " + strconv.Itoa(e.Offset)
}

// A Reader reads one value after the other. The first error stays: from then
// on every method returns zero values and every sequence ends, so that callers
// check [Reader.Close] alone. Strings without escapes share the memory of the text.
type Reader struct {
	text  string
	pos   int
	depth int
	err   error
}

// NewReader returns a Reader of one JSON text.
func NewReader(text string) *Reader {
	r := &Reader{text: text}
	if !utf8.ValidString(text) {
		r.fail("invalid UTF-8")
	}
	r.space()
	return r
}

// Parse returns the tree of a text; see [Reader.Value].
func Parse(text string) (any, error) {
	r := NewReader(text)
	value := r.Value()
	if err := r.Close(); err != nil {
		return nil, err
	}
	return value, nil
}

// Close returns the first error, an [*Error] or one given to [Reader.Fail],
// or complains of text after the value.
func (r *Reader) Close() error {
	if r.err == nil && r.pos < len(r.text) {
		r.fail("text after the value")
	}
	return r.err
}

// Err returns the first error.
func (r *Reader) Err() error { return r.err }

// Fail makes err the Reader's error unless it has one.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Kind returns the type of the next value without reading it.
func (r *Reader) Kind() Kind {
	switch c := r.peek(); c {
	case 'n':
		return Null
	case 't', 'f':
		return Bool
	case '"':
		return String
	case '[':
		return Array
	case '{':
		return Object
	default:
		if c == '-' || isDigit(c) {
			return Number
		}
		return Invalid
	}
}

// Members reads an object and yields its names. The body of the loop reads the
// member's value or leaves it, and then the value is checked and skipped.
func (r *Reader) Members() iter.Seq[string] {
	return func(yield func(string) bool) {
		if !r.open('{', Object) {
			return
		}
		defer r.close()
		var seen nameSet
		for first := true; r.more('}', first); first = false {
			at := r.pos
			name := r.String()
			if !seen.add(name) {
				r.failAt(at, fmt.Sprintf("duplicate name %q", name))
				return
			}
			r.expect(':')
			if !r.yield(func() bool { return yield(name) }) {
				return
			}
		}
	}
}

// Elements reads an array and yields the index of each element, which the body
// of the loop reads or leaves as with [Reader.Members].
func (r *Reader) Elements() iter.Seq[int] {
	return func(yield func(int) bool) {
		if !r.open('[', Array) {
			return
		}
		defer r.close()
		for i := 0; r.more(']', i == 0); i++ {
			if !r.yield(func() bool { return yield(i) }) {
				return
			}
		}
	}
}

// String reads a string.
func (r *Reader) String() string {
	if !r.is(String) {
		return ""
	}
	start := r.pos + 1
	for i := start; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			r.pos = i + 1
			r.space()
			return r.text[start:i]
		case c == '\\':
			return r.escaped(start, i)
		case c < ' ':
			r.failAt(i, "control character in a string")
			return ""
		}
	}
	r.failAt(len(r.text), "string without end")
	return ""
}

// Int64 reads a number that is written as an integer and fits.
func (r *Reader) Int64() int64 {
	at := r.pos
	literal := r.Number()
	if r.err != nil {
		return 0
	}
	n, err := strconv.ParseInt(string(literal), 10, 64)
	if err != nil {
		r.failAt(at, "not a 64-bit integer")
	}
	return n
}

// Number reads a number and returns it as it is written.
func (r *Reader) Number() json.Number {
	if !r.is(Number) {
		return ""
	}
	start := r.pos
	end := numberEnd(r.text, start)
	if end < 0 {
		r.fail("malformed number")
		return ""
	}
	r.pos = end
	r.space()
	return json.Number(r.text[start:end])
}

// Bool reads true or false.
func (r *Reader) Bool() bool {
	if !r.is(Bool) {
		return false
	}
	if r.peek() == 't' {
		return r.literal("true")
	}
	r.literal("false")
	return false
}

// Null reads null if it comes next and says whether it did.
func (r *Reader) Null() bool {
	return r.Kind() == Null && r.literal("null")
}

// Skip checks and drops the next value.
func (r *Reader) Skip() {
	switch r.Kind() {
	case Object:
		for range r.Members() {
		}
	case Array:
		for range r.Elements() {
		}
	case String:
		_ = r.String()
	case Number:
		r.Number()
	case Bool:
		r.Bool()
	case Null:
		r.Null()
	default:
		r.fail("value expected")
	}
}

// Text returns the next value as it is written, once read has read it.
func (r *Reader) Text(read func()) string {
	from := r.pos
	read()
	if r.err != nil {
		return ""
	}
	return strings.TrimRight(r.text[from:r.pos], " \t\r\n")
}

// Value reads the next value as a tree of nil, bool, [json.Number], string,
// []any and map[string]any.
func (r *Reader) Value() any {
	switch r.Kind() {
	case Object:
		members := map[string]any{}
		for name := range r.Members() {
			members[name] = r.Value()
		}
		return members
	case Array:
		elements := []any{}
		for range r.Elements() {
			elements = append(elements, r.Value())
		}
		return elements
	case String:
		return r.String()
	case Number:
		return r.Number()
	case Bool:
		return r.Bool()
	default:
		r.Skip()
		return nil
	}
}

package strictjson

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

func (r *Reader) fail(message string) { r.failAt(r.pos, message) }

func (r *Reader) failAt(offset int, message string) {
	r.Fail(&Error{Offset: offset, Message: message})
}

// peek returns the next byte, or 0 at the end and after an error.
func (r *Reader) peek() byte {
	if r.err != nil || r.pos >= len(r.text) {
		return 0
	}
	return r.text[r.pos]
}

func (r *Reader) space() {
	for r.pos < len(r.text) {
		switch r.text[r.pos] {
		case ' ', '\t', '\r', '\n':
			r.pos++
		default:
			return
		}
	}
}

func (r *Reader) is(want Kind) bool {
	if r.err != nil {
		return false
	}
	if got := r.Kind(); got != want {
		r.fail(string(want) + " expected, not " + string(got))
		return false
	}
	return true
}

func (r *Reader) expect(c byte) {
	if r.peek() != c {
		r.fail(fmt.Sprintf("%q expected", c))
		return
	}
	r.pos++
	r.space()
}

func (r *Reader) literal(word string) bool {
	if !strings.HasPrefix(r.text[r.pos:], word) {
		r.fail("malformed literal")
		return false
	}
	r.pos += len(word)
	r.space()
	return true
}

func (r *Reader) open(bracket byte, kind Kind) bool {
	if !r.is(kind) {
		return false
	}
	if r.depth == MaxDepth {
		r.fail("nested too deeply")
		return false
	}
	r.depth++
	r.expect(bracket)
	return true
}

func (r *Reader) close() { r.depth-- }

// more moves to the next member or element, or past the closing bracket.
func (r *Reader) more(bracket byte, first bool) bool {
	if r.peek() == bracket {
		r.expect(bracket)
		return false
	}
	if !first {
		r.expect(',')
	}
	return r.err == nil
}

// yield lets the loop's body read one value, and reads it when the body did not.
func (r *Reader) yield(body func() bool) bool {
	if r.err != nil {
		return false
	}
	at := r.pos
	if !body() {
		return false
	}
	if r.pos == at {
		r.Skip()
	}
	return r.err == nil
}

// escaped reads the rest of a string whose first escape is at i.
func (r *Reader) escaped(start, i int) string {
	var b strings.Builder
	b.WriteString(r.text[start:i])
	for i < len(r.text) {
		switch c := r.text[i]; {
		case c == '"':
			r.pos = i + 1
			r.space()
			return b.String()
		case c < ' ':
			r.failAt(i, "control character in a string")
			return ""
		case c != '\\':
			b.WriteByte(c)
			i++
		default:
			char, size := escape(r.text[i:])
			if size == 0 {
				r.failAt(i, "malformed escape")
				return ""
			}
			b.WriteRune(char)
			i += size
		}
	}
	r.failAt(len(r.text), "string without end")
	return ""
}

// escape decodes the escape that begins s; its size is 0 when it is malformed.
func escape(s string) (char rune, size int) {
	if len(s) < 2 {
		return 0, 0
	}
	switch s[1] {
	case '"', '\\', '/':
		return rune(s[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	}
	high, ok := unicodeEscape(s)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(high) {
		return high, 6
	}
	low, ok := unicodeEscape(s[6:])
	if pair := utf16.DecodeRune(high, low); ok && pair != utf8.RuneError {
		return pair, 12
	}
	return 0, 0
}

// unicodeEscape decodes the \uXXXX that begins s.
func unicodeEscape(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(n), err == nil
}

// numberEnd returns the end of the number at start, or -1 if it breaks the
// grammar of RFC 8259, section 6.
func numberEnd(s string, start int) int {
	i := start
	if s[i] == '-' {
		i++
	}
	end := digits(s, i)
	if end == i || (s[i] == '0' && end > i+1) {
		return -1
	}
	i = end
	if i < len(s) && s[i] == '.' {
		if end = digits(s, i+1); end == i+1 {
			return -1
		}
		i = end
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if end = digits(s, i); end == i {
			return -1
		}
		i = end
	}
	return i
}

func digits(s string, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// A nameSet holds the names of one object: most have few, so that they need no map.
type nameSet struct {
	few  [12]string
	n    int
	many map[string]struct{}
}

// add reports whether the name is new.
func (s *nameSet) add(name string) bool {
	if slices.Contains(s.few[:s.n], name) {
		return false
	}
	if s.n < len(s.few) {
		s.few[s.n] = name
		s.n++
		return true
	}
	if _, ok := s.many[name]; ok {
		return false
	}
	if s.many == nil {
		s.many = map[string]struct{}{}
	}
	s.many[name] = struct{}{}
	return true
}

package awsjson

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/nifuda/nifuda/internal/strictjson"
)

// decode reads the text of a body into a request, whose type has been added. An
// empty body has no members; members that the request does not know are
// ignored, and null is like being absent. Names are case-sensitive, as in AWS.
// The error is a [Refusal].
func (s shapes) decode(text string, in Request) error {
	if strings.Trim(text, " \t\r\n") == "" {
		return nil
	}
	r := strictjson.NewReader(text)
	if r.Err() != nil {
		return serialization("The request body is not valid UTF-8.")
	}
	if r.Kind() != strictjson.Object {
		return serialization("The request body must be a JSON object.")
	}
	target := reflect.ValueOf(in).Elem()
	if m := s[target.Type()].value(r, target); m != nil {
		return serialization("The member '" + m.path + "' " + m.problem + ".")
	}
	if err := r.Close(); err != nil {
		return serialization("The request body cannot be read as JSON: " + shorten(err.Error()) + ".")
	}
	return nil
}

// A mismatch is a value that a member cannot have. A member of a structure in a
// list is written as in tags.1.member.key, counted from one, like the broken
// constraints of generated requests.
type mismatch struct{ path, problem string }

func mustBe(want, got string) *mismatch {
	return &mismatch{problem: "must be " + want + ", not " + got}
}

// in returns the mismatch as seen from what has it in a member.
func (m *mismatch) in(member string) *mismatch {
	if m.path != "" {
		member += "." + m.path
	}
	return &mismatch{member, m.problem}
}

// inElement returns the mismatch as seen from the list that has it in an element.
func (m *mismatch) inElement(i int) *mismatch {
	return m.in(strconv.Itoa(i+1) + ".member")
}

func withArticle(kind strictjson.Kind) string {
	if kind == strictjson.Array || kind == strictjson.Object {
		return "an " + string(kind)
	}
	return "a " + string(kind)
}

// shorten cuts what a message repeats of the body.
func shorten(text string) string {
	const most = 100
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

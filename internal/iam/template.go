package iam

import (
	"strings"
	"unicode/utf8"
)

// A template is a text of a policy that may hold policy variables: a resource,
// or a value of a string or ARN condition (IAM user guide, "Variables and
// tags").
type template struct {
	// whole is the text, if there are no variables.
	whole glob
	// parts, if there are; literal texts and variables in turn.
	parts []part
}

// A part is literal text, or a variable if it has a key.
type part struct {
	text string
	key  string // in lower case
	// fallback is what the variable is worth in a request without the key.
	fallback    string
	hasFallback bool
}

// newTemplate compiles a text of a document of a version. With wild, stars and
// question marks are wildcards. In documents of 2008 a variable is just text.
func newTemplate(text, version string, wild bool) template {
	literal := func(s string) string {
		if wild {
			return wildcards(s)
		}
		return s
	}
	var parts []part
	var before strings.Builder
	for version == Version2012 {
		start := strings.Index(text, "${")
		if start < 0 {
			break
		}
		length := strings.IndexByte(text[start:], '}')
		if length < 0 {
			break
		}
		before.WriteString(literal(text[:start]))
		inner := text[start+2 : start+length]
		switch v, ok := variable(inner); {
		case inner == "*" || inner == "?" || inner == "$":
			before.WriteString(inner)
		case ok:
			parts = append(parts, part{text: before.String()}, v)
			before.Reset()
		default:
			before.WriteString(literal(text[start : start+length+1]))
		}
		text = text[start+length+1:]
	}
	before.WriteString(literal(text))
	if parts == nil {
		return template{whole: newGlob(before.String())}
	}
	return template{parts: append(parts, part{text: before.String()})}
}

// variable reads what stands between the braces: a key, or a key and a default
// in quotes.
func variable(inner string) (part, bool) {
	key, fallback, hasFallback := strings.Cut(inner, ",")
	v := part{key: strings.ToLower(strings.TrimSpace(key)), hasFallback: hasFallback}
	if hasFallback {
		fallback = strings.TrimSpace(fallback)
		if len(fallback) < 2 || fallback[0] != '\'' || fallback[len(fallback)-1] != '\'' {
			return part{}, false
		}
		v.fallback = fallback[1 : len(fallback)-1]
	}
	return v, strings.Contains(v.key, ":")
}

// resolve returns the text with the variables' values in it. It answers false
// when a variable without a default has no value in the request, or not just
// one: then the text stands for nothing.
func (t *template) resolve(e *evaluation) (glob, bool) {
	if t.parts == nil {
		return t.whole, true
	}
	ok := t.expand(e)
	return newGlob(string(e.scratch)), ok
}

// expand is resolve into the scratch space, for who needs the text just once.
func (t *template) expand(e *evaluation) bool {
	e.scratch = e.scratch[:0]
	for _, p := range t.parts {
		e.scratch = append(e.scratch, p.text...)
		if p.key == "" {
			continue
		}
		switch values := e.values(p.key); {
		case len(values) == 1 && utf8.ValidString(values[0]):
			e.scratch = append(e.scratch, values[0]...)
		case len(values) == 0 && p.hasFallback:
			e.scratch = append(e.scratch, p.fallback...)
		default:
			return false
		}
	}
	return true
}

func (t *template) resolves(e *evaluation) bool { return t.parts == nil || t.expand(e) }

func (t *template) matches(e *evaluation, text string) bool {
	if t.parts == nil {
		return t.whole.matches(text)
	}
	return t.expand(e) && match(e.scratch, text)
}

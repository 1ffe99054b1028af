package awsquery

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxParameters is how many parameters a request may have. The largest of IAM
// lists some hundred context entries for a simulation.
const maxParameters = 10_000

// maxName is how long the name of a parameter may be, in bytes: it bounds how
// deep lists and structures can nest.
const maxName = 1024

// Parameters are the parameters of a request, sorted by name: those of a list or
// a structure stand together, behind a common prefix.
type parameters []parameter

type parameter struct{ name, value string }

// parse decodes queries. Every name and value is valid UTF-8 and no name occurs
// twice: two readers of such a request would disagree on what it says.
func parse(queries ...string) (parameters, error) {
	var p parameters
	for _, query := range queries {
		for pair := range strings.SplitSeq(query, "&") {
			if pair == "" {
				continue
			}
			if len(p) == maxParameters {
				return nil, malformedQuery("The request has too many parameters.")
			}
			one, err := parsePair(pair)
			if err != nil {
				return nil, err
			}
			p = append(p, one)
		}
	}
	slices.SortFunc(p, func(a, b parameter) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(p); i++ {
		if p[i].name == p[i-1].name {
			return nil, malformedQuery("The parameter " + shorten(p[i].name) + " is given more than once.")
		}
	}
	return p, nil
}

func parsePair(pair string) (parameter, error) {
	name, value, _ := strings.Cut(pair, "=")
	name, errName := url.QueryUnescape(name)
	value, errValue := url.QueryUnescape(value)
	if errName != nil || errValue != nil {
		return parameter{}, malformedQuery("The parameters are not valid percent-encoding.")
	}
	if !utf8.ValidString(name) || !utf8.ValidString(value) {
		return parameter{}, malformedQuery("The parameters are not valid UTF-8.")
	}
	if len(name) > maxName {
		return parameter{}, malformedQuery("The name of a parameter is too long.")
	}
	return parameter{name, value}, nil
}

// value returns the parameter of a name.
func (p parameters) value(name string) (string, bool) {
	i, found := slices.BinarySearchFunc(p, name, func(one parameter, name string) int { return strings.Compare(one.name, name) })
	if !found {
		return "", false
	}
	return p[i].value, true
}

// under returns the parameters whose names begin with a prefix.
func (p parameters) under(prefix string) parameters {
	from, _ := slices.BinarySearchFunc(p, prefix, func(one parameter, prefix string) int { return strings.Compare(one.name, prefix) })
	to := from
	for to < len(p) && strings.HasPrefix(p[to].name, prefix) {
		to++
	}
	return p[from:to]
}

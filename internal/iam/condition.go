package iam

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A test compares a value of the request with one of the policy.
type test func(e *evaluation, value string) bool

// A condition is a [Condition] made ready: values are parsed, the operator is
// split into what it compares and whether it is negated.
type condition struct {
	key      string // in lower case
	set      SetQuantifier
	ifExists bool
	// null is the operator Null, which holds if the key is absent and one of
	// whenAbsent is true, or present and one is false.
	null       bool
	whenAbsent []bool
	negated    bool
	tests      []test
	// variables are the values that depend on the request.
	variables []template
}

// newCondition compiles, or says which value is not of the operator's type.
func newCondition(source Condition, version string) (condition, error) {
	c := condition{key: strings.ToLower(source.Key), set: source.Set, ifExists: source.IfExists, null: source.Operator == nullOperator}
	operator := operators[source.Operator]
	c.negated = operator.negated
	for _, value := range source.Values {
		if c.null {
			absent, ok := parseBool(value)
			if !ok {
				return c, fmt.Errorf("value %q of Null is neither true nor false", value)
			}
			c.whenAbsent = append(c.whenAbsent, absent)
			continue
		}
		text := newTemplate(value, version, operator.wild)
		test, ok := operator.compile(value, text)
		if !ok {
			return c, fmt.Errorf("value %q is not for %s", value, source.Operator)
		}
		c.tests = append(c.tests, test)
		if operator.variables && text.parts != nil {
			c.variables = append(c.variables, text)
		}
	}
	return c, nil
}

// holds reports whether the condition is met. A value that cannot be told, for
// its variable is missing from the request, equals nothing; where being unequal
// is what counts, that may only ever deny.
func (c *condition) holds(e *evaluation, effect Effect) bool {
	values := e.values(c.key)
	if c.null {
		return slices.Contains(c.whenAbsent, len(values) == 0)
	}
	if len(values) == 0 {
		return c.ifExists || c.set == ForAllValues || c.set == "" && c.negated
	}
	meets := func(v string) bool { return c.meets(e, v, effect) }
	if c.set == ForAnyValue || c.set == "" && !c.negated {
		return slices.ContainsFunc(values, meets)
	}
	return !slices.ContainsFunc(values, func(v string) bool { return !meets(v) })
}

// meets reports whether one value of the request is as the operator wants it.
func (c *condition) meets(e *evaluation, value string, effect Effect) bool {
	for _, test := range c.tests {
		if test(e, value) {
			return !c.negated
		}
	}
	if c.negated && effect == Allow {
		return !slices.ContainsFunc(c.variables, func(t template) bool { return !t.resolves(e) })
	}
	return c.negated
}

// An operator says how to compile the values of a condition.
type operator struct {
	negated bool
	// wild makes stars and question marks wildcards.
	wild bool
	// variables are replaced in the values; elsewhere they are no valid value.
	variables bool
	compile   func(value string, text template) (test, bool)
}

// operators are the condition operators (IAM user guide, "Condition operators")
// except Null.
var operators = map[string]operator{
	"StringEquals":              {variables: true, compile: stringEquals},
	"StringNotEquals":           {variables: true, compile: stringEquals, negated: true},
	"StringEqualsIgnoreCase":    {variables: true, compile: stringEqualsIgnoreCase},
	"StringNotEqualsIgnoreCase": {variables: true, compile: stringEqualsIgnoreCase, negated: true},
	"StringLike":                {variables: true, compile: stringEquals, wild: true},
	"StringNotLike":             {variables: true, compile: stringEquals, wild: true, negated: true},

	"NumericEquals":            {compile: numeric(func(order int) bool { return order == 0 })},
	"NumericNotEquals":         {compile: numeric(func(order int) bool { return order == 0 }), negated: true},
	"NumericLessThan":          {compile: numeric(func(order int) bool { return order < 0 })},
	"NumericLessThanEquals":    {compile: numeric(func(order int) bool { return order <= 0 })},
	"NumericGreaterThan":       {compile: numeric(func(order int) bool { return order > 0 })},
	"NumericGreaterThanEquals": {compile: numeric(func(order int) bool { return order >= 0 })},

	"DateEquals":            {compile: date(func(order int) bool { return order == 0 })},
	"DateNotEquals":         {compile: date(func(order int) bool { return order == 0 }), negated: true},
	"DateLessThan":          {compile: date(func(order int) bool { return order < 0 })},
	"DateLessThanEquals":    {compile: date(func(order int) bool { return order <= 0 })},
	"DateGreaterThan":       {compile: date(func(order int) bool { return order > 0 })},
	"DateGreaterThanEquals": {compile: date(func(order int) bool { return order >= 0 })},

	"Bool":         {variables: true, compile: boolean},
	"BinaryEquals": {compile: binary},
	"IpAddress":    {compile: ipAddress},
	"NotIpAddress": {compile: ipAddress, negated: true},

	"ArnEquals":    {variables: true, compile: arnLike, wild: true},
	"ArnLike":      {variables: true, compile: arnLike, wild: true},
	"ArnNotEquals": {variables: true, compile: arnLike, wild: true, negated: true},
	"ArnNotLike":   {variables: true, compile: arnLike, wild: true, negated: true},
}

func stringEquals(_ string, text template) (test, bool) {
	return func(e *evaluation, value string) bool { return text.matches(e, value) }, true
}

func stringEqualsIgnoreCase(_ string, text template) (test, bool) {
	return func(e *evaluation, value string) bool {
		want, ok := text.resolve(e)
		return ok && strings.EqualFold(want.text, value)
	}, true
}

func numeric(holds func(order int) bool) func(string, template) (test, bool) {
	return func(policy string, _ template) (test, bool) {
		want, ok := parseNumber(policy)
		return func(_ *evaluation, value string) bool {
			got, ok := parseNumber(value)
			return ok && holds(compare(got, want))
		}, ok
	}
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// parseNumber reads a decimal number; strconv knows further forms, such as NaN
// and hexadecimal, that are none here.
func parseNumber(s string) (float64, bool) {
	if !isMadeOf(s, func(c byte) bool { return isDigit(c) || strings.IndexByte("+-.eE", c) >= 0 }) {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

func date(holds func(order int) bool) func(string, template) (test, bool) {
	return func(policy string, _ template) (test, bool) {
		want, ok := parseDate(policy)
		return func(_ *evaluation, value string) bool {
			got, ok := parseDate(value)
			return ok && holds(got.Compare(want))
		}, ok
	}
}

// dateLayouts are the W3C's profile of ISO 8601; RFC3339 reads fractions too.
var dateLayouts = []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", time.DateOnly, "2006-01", "2006"}

// parseDate reads a date or the seconds since 1970. Four digits are a year.
func parseDate(s string) (time.Time, bool) {
	if len(s) != len("2006") && s != "" && isMadeOf(s, func(c byte) bool { return isDigit(c) || c == '.' }) {
		seconds, err := strconv.ParseFloat(s, 64)
		if err != nil || seconds > maxSeconds {
			return time.Time{}, false
		}
		return time.UnixMilli(int64(seconds * 1000)), true
	}
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// maxSeconds is the end of the year 9999.
const maxSeconds = 253402300799

func boolean(policy string, text template) (test, bool) {
	if text.parts == nil {
		want, ok := parseBool(policy)
		return func(_ *evaluation, value string) bool {
			got, ok := parseBool(value)
			return ok && got == want
		}, ok
	}
	return stringEqualsIgnoreCase(policy, text)
}

func parseBool(s string) (value, ok bool) {
	switch {
	case strings.EqualFold(s, "true"):
		return true, true
	case strings.EqualFold(s, "false"):
		return false, true
	}
	return false, false
}

func binary(policy string, _ template) (test, bool) {
	want, err := base64.StdEncoding.DecodeString(policy)
	return func(_ *evaluation, value string) bool {
		got, err := base64.StdEncoding.DecodeString(value)
		return err == nil && bytes.Equal(got, want)
	}, err == nil
}

func ipAddress(policy string, _ template) (test, bool) {
	network, ok := parseNetwork(policy)
	return func(_ *evaluation, value string) bool {
		address, err := netip.ParseAddr(value)
		return err == nil && network.Contains(address.Unmap().WithZone(""))
	}, ok
}

// parseNetwork reads a range in CIDR notation, or one address.
func parseNetwork(s string) (netip.Prefix, bool) {
	if address, err := netip.ParseAddr(s); err == nil && address.Zone() == "" {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), true
	}
	network, err := netip.ParsePrefix(s)
	return network, err == nil
}

// arnLike compares the six parts of ARNs one by one, so that a star in one does
// not reach into the next; in the last it does.
func arnLike(_ string, text template) (test, bool) {
	fixed := newARNGlob(text.whole)
	return func(e *evaluation, value string) bool {
		if text.parts == nil {
			return fixed.matches(value)
		}
		pattern, ok := text.resolve(e)
		if !ok {
			return false
		}
		resolved := newARNGlob(pattern)
		return resolved.matches(value)
	}, true
}

// An arnGlob matches an ARN part by part. A lone star matches any.
type arnGlob struct {
	any   bool
	parts []glob
}

func newARNGlob(whole glob) arnGlob {
	if whole.kind == everything {
		return arnGlob{any: true}
	}
	var g arnGlob
	for _, part := range strings.SplitN(whole.text, ":", arnParts) {
		g.parts = append(g.parts, newGlob(part))
	}
	return g
}

const arnParts = 6

func (g *arnGlob) matches(value string) bool {
	if g.any {
		return true
	}
	if len(g.parts) != arnParts {
		return false
	}
	for i := range g.parts {
		part := value
		if i < arnParts-1 {
			var ok bool
			if part, value, ok = strings.Cut(value, ":"); !ok {
				return false
			}
		}
		if !g.parts[i].matches(part) {
			return false
		}
	}
	return true
}

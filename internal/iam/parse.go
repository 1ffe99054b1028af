package iam

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nifuda/nifuda/internal/strictjson"
)

// A reader reads the elements of a policy. Names count with case.
type reader struct{ *strictjson.Reader }

func (r reader) fail(format string, args ...any) { r.Fail(fmt.Errorf(format, args...)) }

func (r reader) document() Document {
	doc := Document{Version: Version2008}
	for name := range r.Members() {
		switch name {
		case "Version":
			doc.Version = r.String()
		case "Id":
			doc.ID = r.String()
		case "Statement":
			doc.Statements = list(r, func() (s Statement) {
				doc.texts = append(doc.texts, r.Text(func() { s = r.statement() }))
				return s
			})
		default:
			r.fail("unknown element %q", name)
		}
	}
	return doc
}

func (r reader) statement() Statement {
	var s Statement
	for name := range r.Members() {
		switch name {
		case "Sid":
			s.SID = r.String()
		case "Effect":
			s.Effect = Effect(r.String())
		case "Principal":
			s.Principals = r.principals()
		case "NotPrincipal":
			s.NotPrincipals = r.principals()
		case "Action":
			s.Actions = r.texts()
		case "NotAction":
			s.NotActions = r.texts()
		case "Resource":
			s.Resources = r.texts()
		case "NotResource":
			s.NotResources = r.texts()
		case "Condition":
			s.Conditions = r.conditions()
		default:
			r.fail("unknown element %q of a statement", name)
		}
	}
	return s
}

// check holds what is true of the statements of any policy.
func (s Statement) check() error {
	switch {
	case s.Effect != Allow && s.Effect != Deny:
		return fmt.Errorf("effect %q is neither Allow nor Deny", s.Effect)
	case s.Principals != nil && s.NotPrincipals != nil:
		return errors.New("a statement has both Principal and NotPrincipal")
	case s.Actions != nil && s.NotActions != nil:
		return errors.New("a statement has both Action and NotAction")
	case s.Resources != nil && s.NotResources != nil:
		return errors.New("a statement has both Resource and NotResource")
	}
	return nil
}

// list reads one value, or an array of at least one.
func list[T any](r reader, read func() T) []T {
	if r.Kind() != strictjson.Array {
		return []T{read()}
	}
	values := []T{}
	for range r.Elements() {
		values = append(values, read())
	}
	if len(values) == 0 {
		r.fail("an empty list")
	}
	return values
}

// texts reads a string, or a list of them, none empty.
func (r reader) texts() []string {
	return list(r, func() string {
		s := r.String()
		if s == "" {
			r.fail("an empty string")
		}
		return s
	})
}

func (r reader) principals() []PrincipalPattern {
	if r.Kind() == strictjson.String {
		if s := r.String(); s != "*" {
			r.fail("principal %q is no star", s)
		}
		return []PrincipalPattern{{Type: Anyone}}
	}
	principals := []PrincipalPattern{}
	for kind := range r.Members() {
		for _, value := range r.texts() {
			p, err := principal(kind, value)
			if err != nil {
				r.Fail(err)
			}
			principals = append(principals, p)
		}
	}
	if len(principals) == 0 {
		r.fail("an empty principal")
	}
	return principals
}

func principal(kind, value string) (PrincipalPattern, error) {
	p := PrincipalPattern{Type: PrincipalType(kind), Value: value}
	valid := false
	switch p.Type {
	case AWS:
		switch {
		case value == "*":
			return PrincipalPattern{Type: Anyone}, nil
		case isAccount(value):
			return PrincipalPattern{Type: AWS, Value: Root("aws", value).ARN}, nil
		}
		valid = validPrincipalARN(value) || validUniqueID(value)
	case Service:
		valid = validService(value)
	case Federated:
		valid = validService(value) || validProviderARN(value)
	default:
		return p, fmt.Errorf("unknown type %q of principal", kind)
	}
	if !valid {
		return p, malformed(fmt.Sprintf("Invalid principal in policy: %q:%q", strings.ToUpper(kind), value), "principal %q of type %q is malformed", value, kind)
	}
	return p, nil
}

// validService reports whether s is a host name such as lambda.amazonaws.com.
func validService(s string) bool {
	labels := strings.Split(s, ".")
	return len(labels) > 1 && !slices.ContainsFunc(labels, func(label string) bool {
		return label == "" || !isMadeOf(label, func(c byte) bool { return isLowerAlnum(c) || c == '-' })
	})
}

func (r reader) conditions() []Condition {
	var conditions []Condition
	for name := range r.Members() {
		operator, ok := conditionOperator(name)
		if !ok {
			r.fail("unknown condition operator %q", name)
		}
		for key := range r.Members() {
			condition := operator
			condition.Key, condition.Values = key, list(r, r.conditionValue)
			if prefix, rest, _ := strings.Cut(key, ":"); prefix == "" || rest == "" {
				r.fail("malformed condition key %q", key)
			}
			conditions = append(conditions, condition)
		}
	}
	return conditions
}

// conditionOperator reads the name of an operator with its prefix and suffix.
func conditionOperator(name string) (Condition, bool) {
	var c Condition
	if set, rest, ok := strings.Cut(name, ":"); ok {
		c.Set, name = SetQuantifier(set), rest
		if c.Set != ForAllValues && c.Set != ForAnyValue {
			return c, false
		}
	}
	c.Operator, c.IfExists = strings.CutSuffix(name, "IfExists")
	if c.Operator == nullOperator && c.IfExists {
		return c, false
	}
	_, ok := operators[c.Operator]
	return c, ok || c.Operator == nullOperator
}

func (r reader) conditionValue() string {
	switch r.Kind() {
	case strictjson.Number:
		return string(r.Number())
	case strictjson.Bool:
		return strconv.FormatBool(r.Bool())
	}
	return r.String()
}

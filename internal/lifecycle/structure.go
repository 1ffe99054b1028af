package lifecycle

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// This file is the JSON schema of lifecycle policies, written out. Its
// messages are those of the validator that ECR runs.

const maxRules = 50

// An object is a JSON object whose names are checked.
type object map[string]any

func readDocument(tree any) ([]draft, error) {
	document, err := asObject(tree, []string{"rules"}, nil)
	if err != nil {
		return nil, err
	}
	rules, err := asArray(document["rules"])
	if err != nil {
		return nil, err
	}
	switch n := len(rules); {
	case n == 0:
		return nil, invalid("array is too short: must have at least 1 elements but instance has 0 elements")
	case n > maxRules:
		return nil, invalid(fmt.Sprintf("array is too long: must have at most %d elements but instance has %d elements", maxRules, n))
	}
	drafts := make([]draft, 0, len(rules))
	for _, rule := range rules {
		d, err := readRule(rule)
		if err != nil {
			return nil, err
		}
		drafts = append(drafts, d)
	}
	return drafts, nil
}

func readRule(tree any) (draft, error) {
	var d draft
	rule, err := asObject(tree, []string{"action", "rulePriority", "selection"}, []string{"description"})
	if err != nil {
		return d, err
	}
	if d.priority, err = asPositive(rule["rulePriority"]); err != nil {
		return d, err
	}
	if description, ok := rule["description"]; ok {
		if d.description, err = asString(description); err != nil {
			return d, err
		}
	}
	if err := d.readSelection(rule["selection"]); err != nil {
		return d, err
	}
	return d, d.readAction(rule["action"])
}

func (d *draft) readSelection(tree any) error {
	selection, err := asObject(tree,
		[]string{"countNumber", "countType", "tagStatus"},
		[]string{"countUnit", "storageClass", "tagPatternList", "tagPrefixList"})
	if err != nil {
		return err
	}
	if d.tagStatus, err = asEnum(selection["tagStatus"], Any, Tagged, Untagged); err != nil {
		return err
	}
	if d.patterns, err = selection.stringList("tagPatternList"); err != nil {
		return err
	}
	if d.prefixes, err = selection.stringList("tagPrefixList"); err != nil {
		return err
	}
	if class, ok := selection["storageClass"]; ok {
		if d.storageClass, err = asEnum(class, Archive, Standard); err != nil {
			return err
		}
	}
	if d.countNumber, err = asPositive(selection["countNumber"]); err != nil {
		return err
	}
	return d.readCount(selection)
}

// readCount reads the members that ECR's schema has four variants for.
func (d *draft) readCount(selection object) error {
	countType, err := asString(selection["countType"])
	if err != nil {
		return err
	}
	unit, hasUnit := selection["countUnit"]
	if hasUnit {
		if unit, err = asString(unit); err != nil {
			return err
		}
	}
	d.countType = CountType(countType)
	switch d.countType {
	case ImageCountMoreThan:
		if hasUnit {
			return noVariant()
		}
	case SinceImagePushed, SinceImagePulled, SinceImageTransitioned:
		if unit != "days" {
			return noVariant()
		}
	default:
		return noVariant()
	}
	return nil
}

func (d *draft) readAction(tree any) error {
	action, err := asObject(tree, []string{"type"}, []string{"targetStorageClass"})
	if err != nil {
		return err
	}
	if d.action, err = asEnum(action["type"], Expire, Transition); err != nil {
		return err
	}
	if target, ok := action["targetStorageClass"]; ok {
		d.target, err = asEnum(target, Archive)
	}
	return err
}

// stringList returns the strings of an optional member, and nil only when it is absent.
func (o object) stringList(name string) ([]string, error) {
	tree, ok := o[name]
	if !ok {
		return nil, nil
	}
	elements, err := asArray(tree)
	if err != nil {
		return nil, err
	}
	list := make([]string, 0, len(elements))
	for _, element := range elements {
		s, err := asString(element)
		if err != nil {
			return nil, err
		}
		if s == "" {
			return nil, invalid(`string "" is too short (length: 0, required minimum: 1)`)
		}
		list = append(list, s)
	}
	return list, nil
}

// asObject checks the names of an object; both lists are in alphabetical order.
// An optional member that is null fits none of the schema's variants.
func asObject(tree any, required, optional []string) (object, error) {
	members, ok := tree.(map[string]any)
	if !ok {
		return nil, wrongType(tree, "object")
	}
	missing := slices.DeleteFunc(slices.Clone(required), func(name string) bool {
		_, ok := members[name]
		return ok
	})
	if len(missing) > 0 {
		return nil, invalid("object has missing required properties (" + quoted(missing) + ")")
	}
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(required, name) && !slices.Contains(optional, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return nil, invalid("object instance has properties which are not allowed by the schema: (" + quoted(unknown) + ")")
	}
	for _, name := range optional {
		if value, ok := members[name]; ok && value == nil {
			return nil, noVariant()
		}
	}
	return members, nil
}

func asArray(tree any) ([]any, error) {
	elements, ok := tree.([]any)
	if !ok {
		return nil, wrongType(tree, "array")
	}
	return elements, nil
}

func asString(tree any) (string, error) {
	s, ok := tree.(string)
	if !ok {
		return "", wrongType(tree, "string")
	}
	return s, nil
}

// asEnum takes one of the values, which are in alphabetical order.
func asEnum[T ~string](tree any, values ...T) (T, error) {
	s, err := asString(tree)
	if err != nil {
		return "", err
	}
	if !slices.Contains(values, T(s)) {
		return "", invalid("instance value (" + quote(s) + ") not found in enum (possible values: " + quoted(values) + ")")
	}
	return T(s), nil
}

// asPositive takes an integer of at least 1 that fits the 32 bits of ECR's own type.
func asPositive(tree any) (int32, error) {
	literal, ok := tree.(json.Number)
	if !ok || strings.ContainsAny(string(literal), ".eE") {
		return 0, wrongType(tree, "integer")
	}
	n, err := strconv.ParseInt(string(literal), 10, 32)
	switch {
	case n < 1:
		return 0, invalid("numeric instance is lower than the required minimum (minimum: 1, found: " + string(literal) + ")")
	case err != nil:
		return 0, unmappable()
	}
	return int32(n), nil
}

func wrongType(tree any, want string) error {
	return invalid("instance type (" + typeOf(tree) + `) does not match any allowed primitive type (allowed: ["` + want + `"])`)
}

func noVariant() error {
	return invalid("instance failed to match exactly one schema (matched 0 out of 4)")
}

func typeOf(tree any) string {
	switch v := tree.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	case json.Number:
		if !strings.ContainsAny(string(v), ".eE") {
			return "integer"
		}
	}
	return "number"
}

// quoted prints names as a JSON array without spaces.
func quoted[T ~string](names []T) string {
	parts := make([]string, 0, len(names))
	for _, name := range names {
		parts = append(parts, quote(string(name)))
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// quote prints a string as JSON, with < and > as they are.
func quote(s string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	// A strings.Builder takes every write, and a string every encoding.
	_ = encoder.Encode(s)
	return strings.TrimSuffix(b.String(), "\n")
}

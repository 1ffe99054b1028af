package awsquery

import (
	"encoding/base64"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// decode fills a request, which [mustBeReadable] has passed, from the
// parameters. Those that the request does not know are ignored. The error is a
// [Refusal].
func decode(p parameters, in Request) error {
	return decodeStructure(p, "", reflect.ValueOf(in).Elem())
}

// decodeStructure fills the fields of a structure from the parameters under a
// prefix, which is empty or ends in a dot.
func decodeStructure(p parameters, prefix string, v reflect.Value) error {
	for field, target := range v.Fields() {
		if err := decodeValue(p, prefix+wireName(field), target); err != nil {
			return err
		}
	}
	return nil
}

// wireName is the name of a field in requests and responses.
func wireName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}

// decodeValue fills what has a name from the parameter with that name and from
// those under it. Nothing is set where there are none.
func decodeValue(p parameters, name string, v reflect.Value) error {
	text, given := p.value(name)
	under := p.under(name + ".")
	if !given && len(under) == 0 {
		return nil
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch {
	case isScalar(v.Type()):
		if !given {
			return malformedInput("The parameter " + shorten(name) + " must be a single value.")
		}
		return decodeScalar(text, name, v)
	case given && text != "":
		return malformedInput("The parameter " + shorten(name) + " must be a " + kindOf(v) + ", not a single value.")
	case v.Kind() == reflect.Struct:
		return decodeStructure(under, name+".", v)
	case v.Kind() == reflect.Map:
		return decodeMap(under, name+".entry.", v)
	default:
		return decodeList(under, name+".member.", v)
	}
}

func kindOf(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Struct:
		return "structure"
	case reflect.Map:
		return "map"
	default:
		return "list"
	}
}

// An element is one of a list or a map, by the number that the request gives it.
type element struct {
	number int
	name   string
	parts  parameters
}

// elements returns the elements under a prefix in the order of their numbers,
// which need not be consecutive and reserve nothing.
func elements(p parameters, prefix string) ([]element, error) {
	var found []element
	seen := map[string]int{}
	for i, one := range p {
		rest, ok := strings.CutPrefix(one.name, prefix)
		if !ok {
			return nil, malformedInput("The parameter " + shorten(one.name) + " is no element: their names begin with " + shorten(prefix) + "1.")
		}
		digits, _, _ := strings.Cut(rest, ".")
		if at, known := seen[digits]; known {
			// What sorts between an element and its parts is no number.
			found[at].parts = p[i-len(found[at].parts) : i+1]
			continue
		}
		number, err := strconv.ParseInt(digits, 10, 32)
		if err != nil || number < 1 || strconv.FormatInt(number, 10) != digits {
			return nil, malformedInput("The parameter " + shorten(one.name) + " is no element: elements are numbered from 1.")
		}
		seen[digits] = len(found)
		found = append(found, element{int(number), prefix + digits, p[i : i+1]})
	}
	slices.SortFunc(found, func(a, b element) int { return a.number - b.number })
	return found, nil
}

// decodeList fills a list. An empty list is not an absent one.
func decodeList(p parameters, prefix string, v reflect.Value) error {
	all, err := elements(p, prefix)
	if err != nil {
		return err
	}
	v.Set(reflect.MakeSlice(v.Type(), len(all), len(all)))
	for i, e := range all {
		if err := decodeValue(e.parts, e.name, v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

// decodeMap fills a map from elements with a key and a value.
func decodeMap(p parameters, prefix string, v reflect.Value) error {
	all, err := elements(p, prefix)
	if err != nil {
		return err
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, e := range all {
		key, ok := e.parts.value(e.name + ".key")
		if !ok {
			return malformedInput("The parameter " + shorten(e.name) + " must have a key.")
		}
		if v.MapIndex(reflect.ValueOf(key)).IsValid() {
			return malformedInput("The parameter " + shorten(e.name) + " has a key that the map has already.")
		}
		value := reflect.New(v.Type().Elem()).Elem()
		if err := decodeValue(e.parts, e.name+".value", value); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(key), value)
	}
	return nil
}

// isScalar reports whether a single parameter holds a value of the type.
func isScalar(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int32, reflect.Int64, reflect.Float64:
		return true
	case reflect.Slice:
		return t.Elem().Kind() == reflect.Uint8
	default:
		return isTime(t)
	}
}

// isTime reports whether a type is the Timestamp of a generated package, which
// embeds a [time.Time].
func isTime(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.NumField() == 1 && t.Field(0).Type == reflect.TypeFor[time.Time]()
}

func decodeScalar(text, name string, v reflect.Value) error {
	mustBe := func(what string) error {
		return malformedInput("The parameter " + shorten(name) + " must be " + what + ".")
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(strings.Clone(text)) // lest it keep the whole body
	case reflect.Bool:
		if text != "true" && text != "false" {
			return mustBe("true or false")
		}
		v.SetBool(text == "true")
	case reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			return mustBe("an integer of " + strconv.Itoa(v.Type().Bits()) + " bits")
		}
		v.SetInt(n)
	case reflect.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return mustBe("a number")
		}
		v.SetFloat(n)
	case reflect.Slice:
		blob, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return mustBe("a base64 string")
		}
		v.SetBytes(blob)
	default:
		moment, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return mustBe("a time such as 2006-01-02T15:04:05Z")
		}
		v.Field(0).Set(reflect.ValueOf(moment.UTC()))
	}
	return nil
}

// mustBeReadable panics if a request has a type that parameters cannot be read into.
func mustBeReadable(in Request) { checkReadable(reflect.TypeOf(in).Elem(), map[reflect.Type]bool{}) }

func checkReadable(t reflect.Type, seen map[reflect.Type]bool) {
	if seen[t] || isScalar(t) {
		return
	}
	seen[t] = true
	switch {
	case t.Kind() == reflect.Pointer, t.Kind() == reflect.Slice, t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		checkReadable(t.Elem(), seen)
	case t.Kind() == reflect.Struct:
		for field := range t.Fields() {
			checkReadable(field.Type, seen)
		}
	default:
		panic("awsquery: a request cannot have a " + t.String())
	}
}

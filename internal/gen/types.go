package main

import (
	"fmt"
	"regexp"
	"strings"
)

// scalarTypes are the Go types of the shapes without parts.
var scalarTypes = map[string]string{
	"string":    "string",
	"integer":   "int32",
	"long":      "int64",
	"double":    "float64",
	"float":     "float64",
	"boolean":   "bool",
	"timestamp": "Timestamp",
	"blob":      "[]byte",
}

// goType is the type of a shape as a value.
func (p *pkg) goType(shapeName string) string {
	s := p.Shapes[shapeName]
	switch s.Type {
	case "structure":
		return exported(shapeName)
	case "list":
		return "[]" + p.goType(s.Member.Shape)
	case "map":
		return "map[string]" + p.goType(s.Value.Shape)
	default:
		return scalarTypes[s.Type]
	}
}

// A field is a member of a structure as Go has it.
type field struct {
	member
	Type string
	// Nilable says that nil stands for absent.
	Nilable bool
	// Required says that the model wants the member.
	Required bool
}

// fieldOf decides between a value and a pointer: a pointer is where absence
// means something other than the zero value.
func (p *pkg) fieldOf(owner string, m member) field {
	f := field{member: m, Type: p.goType(m.Shape), Required: p.Shapes[owner].requires(m.Name)}
	switch kind := p.Shapes[m.Shape].Type; {
	case kind == "list" || kind == "map" || kind == "blob":
		f.Nilable = true
	case kind == "structure", !p.isValue(owner, m, f.Required):
		f.Type, f.Nilable = "*"+f.Type, true
	}
	return f
}

// isValue says whether a scalar needs no pointer. In a request: a required
// string that may not be empty, since empty and absent are both refused. In a
// response: what is always there, and strings and times, whose zero is never sent.
func (p *pkg) isValue(owner string, m member, required bool) bool {
	s := p.Shapes[m.Shape]
	if p.inputs[owner] {
		return required && s.Type == "string" && p.refusesEmpty(m.Shape)
	}
	return required || s.Type == "string" || s.Type == "timestamp"
}

// refusesEmpty says whether the constraints of a string rule out the empty one.
func (p *pkg) refusesEmpty(shapeName string) bool {
	s := p.Shapes[shapeName]
	if len(s.Enum) > 0 || s.Min != nil && *s.Min > 0 {
		return true
	}
	return s.Pattern != "" && !regexp.MustCompile(p.expression(shapeName)).MatchString("")
}

// tag omits what is absent. Nil is absent; an empty list is not.
func (f field) tag() string {
	if f.Required && !f.Nilable {
		return fmt.Sprintf("`json:%q`", f.Name)
	}
	return fmt.Sprintf("`json:%q`", f.Name+",omitzero")
}

func (p *pkg) printTypes(w *printer) {
	p.printTimestamp(w)
	for _, name := range p.shapeNames(func(_ string, s *shape) bool { return len(s.Enum) > 0 }) {
		w.p("// The values of %s.\nconst (", name)
		for _, value := range p.Shapes[name].Enum {
			w.p("%s%s = %q", exported(name), camel(value), value)
		}
		w.p(")\n")
	}
	for _, name := range p.shapeNames(func(_ string, s *shape) bool { return s.Type == "structure" && !s.Exception }) {
		p.printStruct(w, name)
	}
}

func (p *pkg) printStruct(w *printer, name string) {
	w.p("// %s is %s.", exported(name), p.role(name))
	if len(p.Shapes[name].Members) == 0 {
		w.p("type %s struct{}\n", exported(name))
		return
	}
	w.p("type %s struct {", exported(name))
	for _, m := range p.Shapes[name].Members {
		f := p.fieldOf(name, m)
		w.p("%s %s %s%s", exported(f.Name), f.Type, f.tag(), p.note(f))
	}
	w.p("}\n")
}

// role says where a structure occurs.
func (p *pkg) role(name string) string {
	for _, operation := range p.operationNames() {
		op := p.Operations[operation]
		if op.Input.Shape == name {
			return "the request of [Service." + exported(operation) + "]"
		}
		if op.Output != nil && op.Output.Shape == name {
			return "the response of [Service." + exported(operation) + "]"
		}
	}
	switch {
	case p.inputs[name] && p.outputs[name]:
		return "a structure of requests and responses"
	case p.inputs[name]:
		return "a structure of requests"
	default:
		return "a structure of responses"
	}
}

// note tells the constraints of a field in a few words.
func (p *pkg) note(f field) string {
	s := p.Shapes[f.Shape]
	var notes []string
	if f.Required {
		notes = append(notes, "required")
	}
	if bounds := s.bounds(); bounds != "" {
		notes = append(notes, bounds)
	}
	if len(s.Enum) > 0 {
		notes = append(notes, "one of "+f.Shape)
	}
	if len(notes) == 0 {
		return ""
	}
	return " // " + strings.Join(notes, ", ")
}

// bounds describes min and max.
func (s *shape) bounds() string {
	unit := map[string]string{"string": " characters", "blob": " bytes", "list": " elements"}[s.Type]
	switch {
	case s.Min != nil && s.Max != nil:
		return fmt.Sprintf("%d to %d%s", *s.Min, *s.Max, unit)
	case s.Max != nil:
		return fmt.Sprintf("at most %d%s", *s.Max, unit)
	case s.Min != nil && *s.Min > 0:
		return fmt.Sprintf("%d or more%s", *s.Min, unit)
	default:
		return ""
	}
}

func (p *pkg) printTimestamp(w *printer) {
	if len(p.shapeNames(func(_ string, s *shape) bool { return s.Type == "timestamp" })) == 0 {
		return
	}
	w.WriteString(timestampSource)
}

const timestampSource = `
import (
	"errors"
	"math"
	"strconv"
	"time"
)

// A Timestamp is a moment as the JSON protocols of AWS write it: a number of
// seconds since 1970 with a fraction of milliseconds. The zero Timestamp is an
// absent one.
type Timestamp struct{ time.Time }

// MarshalJSON prints seconds with three decimals; smaller parts are cut off.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(t.UnixMilli())/1e3, 'f', 3, 64), nil
}

// UnmarshalJSON reads whole and fractional seconds, rounded to milliseconds,
// up to the year 9999. Null leaves t as it is.
func (t *Timestamp) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	const latest = 253402300799 // 9999-12-31T23:59:59Z
	seconds, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(math.Abs(seconds) <= latest) {
		return errors.New("a timestamp must be a number of seconds since 1970")
	}
	t.Time = time.UnixMilli(int64(math.Round(seconds * 1e3))).UTC()
	return nil
}

`

package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// constrained says whether there is anything to check about a shape or a part
// of it.
func (p *pkg) constrained(name string) bool {
	parts := map[string]bool{}
	p.reach(parts, name)
	for part := range parts {
		s := p.Shapes[part]
		if len(s.Required) > 0 || s.Min != nil || s.Max != nil || s.Pattern != "" || len(s.Enum) > 0 {
			return true
		}
	}
	return false
}

// toCheck names the shapes of a type that get a check of their own; the empty
// type means those without parts.
func (p *pkg) toCheck(kind string) []string {
	return p.shapeNames(func(name string, s *shape) bool {
		_, scalar := scalarTypes[s.Type]
		return (s.Type == kind || kind == "" && scalar) && p.inputs[name] && p.constrained(name)
	})
}

func (p *pkg) printValidation(w *printer) {
	w.p("import (\n\"fmt\"\n\"regexp\"\n\"slices\"\n\"strconv\"\n\"strings\"\n\"unicode/utf8\"\n)\n")
	w.WriteString(violationSource)
	p.printRefusal(w)

	requests := map[string]bool{}
	for _, op := range p.Operations {
		requests[op.Input.Shape] = true
	}
	for _, name := range p.shapeNames(func(name string, _ *shape) bool { return requests[name] }) {
		p.printValidate(w, name)
	}
	for _, name := range p.toCheck("structure") {
		p.printStructCheck(w, name)
	}
	for _, name := range p.toCheck("list") {
		p.printListCheck(w, name)
	}
	for _, name := range p.toCheck("") {
		p.printScalarCheck(w, name)
	}
	p.printPatterns(w)
}

// printRefusal prints how broken constraints are worded.
func (p *pkg) printRefusal(w *printer) {
	if p.Detailed {
		w.p("const codeInvalid = %q\n", p.Code)
		w.WriteString(detailedRefusalSource)
		return
	}
	w.p("func refusal(found []violation) error {\nif len(found) == 0 {\nreturn nil\n}")
	w.p("return NewError(%q, fmt.Sprintf(%q, found[0].path, found[0].constraint))\n}\n", p.Code, p.Frame)
}

func (p *pkg) printValidate(w *printer, name string) {
	what := "the first constraint of the model that the request breaks"
	if p.Detailed {
		what = "the constraints of the model that the request breaks"
	}
	w.p("// Validate reports %s.", what)
	if !p.constrained(name) {
		w.p("func (*%s) Validate() error { return nil }\n", exported(name))
		return
	}
	w.p("func (v *%s) Validate() error { return refusal(v.check()) }\n", exported(name))
}

// printStructCheck checks first that everything required is there, then each
// member in the order of the model.
func (p *pkg) printStructCheck(w *printer, name string) {
	w.p("func (v *%s) check() (found []violation) {", exported(name))
	for _, m := range p.Shapes[name].Members {
		if f := p.fieldOf(name, m); f.Required {
			w.p("if %s {\nfound = append(found, missing(%q))\n}", f.isAbsent(), p.pathOf(m))
		}
	}
	for _, m := range p.Shapes[name].Members {
		p.printMemberCheck(w, name, m)
	}
	w.p("return found\n}\n")
}

// pathOf is how a refusal spells a member.
func (p *pkg) pathOf(m member) string {
	if p.Detailed {
		return strings.ToLower(m.Name[:1]) + m.Name[1:]
	}
	return m.Name
}

// isAbsent and isPresent are the conditions under which a field that can be
// absent is.
func (f field) isAbsent() string  { return "v." + exported(f.Name) + " == " + f.zero() }
func (f field) isPresent() string { return "v." + exported(f.Name) + " != " + f.zero() }

func (f field) zero() string {
	if f.Nilable {
		return "nil"
	}
	return `""`
}

func (p *pkg) printMemberCheck(w *printer, owner string, m member) {
	f := p.fieldOf(owner, m)
	value := "v." + exported(m.Name)
	if strings.HasPrefix(f.Type, "*") && p.Shapes[m.Shape].Type != "structure" {
		value = "*" + value
	}
	checks := p.memberChecks(owner, m, value)
	if len(checks) == 0 {
		return
	}
	w.p("if %s {", f.isPresent())
	for _, check := range checks {
		w.p("found = append(found, in(%q, %s)...)", p.pathOf(m), check)
	}
	w.p("}")
}

// memberChecks are the calls that check a member.
func (p *pkg) memberChecks(owner string, m member, value string) []string {
	path := owner + "." + m.Name
	if slices.Contains(p.Unchecked, path) {
		return []string{p.Shapes[m.Shape].checkCount(value)}
	}
	var checks []string
	if p.constrained(m.Shape) {
		checks = append(checks, p.checkCall(m.Shape, value))
	}
	if _, ok := p.MemberPattern[path]; ok {
		checks = append(checks, fmt.Sprintf("checkPattern(%s, pattern%s%s)", value, exported(owner), exported(m.Name)))
	}
	return checks
}

// checkCall is the call that checks a value of a shape.
func (p *pkg) checkCall(shapeName, value string) string {
	if p.Shapes[shapeName].Type == "structure" {
		return value + ".check()"
	}
	return fmt.Sprintf("check%s(%s)", exported(shapeName), value)
}

func (p *pkg) printListCheck(w *printer, name string) {
	s := p.Shapes[name]
	element := p.Shapes[s.Member.Shape]
	w.p("func check%s(list %s) (found []violation) {", exported(name), p.goType(name))
	if s.Min != nil || s.Max != nil {
		w.p("if found = %s; found != nil {\nreturn %s\n}", s.checkCount("list"), p.shown("found", s))
	}
	if p.constrained(s.Member.Shape) {
		w.p("for i := range list {\nif len(found) >= enough {\nbreak\n}")
		call := p.checkCall(s.Member.Shape, "list[i]")
		if element.Type == "structure" || element.Type == "list" {
			w.p("found = append(found, inElement(i, %s)...)\n}", call)
		} else {
			w.p("if found = ofElement(%s); found != nil {\nreturn %s\n}\n}", p.elementCall(element, call), p.shown("found", s))
		}
	}
	w.p("return found\n}\n")
}

// elementCall is the call that checks a plain value in a list. A detailed
// refusal names all constraints of the value, whichever is broken.
func (p *pkg) elementCall(s *shape, call string) string {
	if !p.Detailed {
		return call
	}
	var all []string
	if s.Max != nil {
		all = append(all, fmt.Sprintf("Member must have length less than or equal to %d", *s.Max))
	}
	if s.Min != nil {
		all = append(all, fmt.Sprintf("Member must have length greater than or equal to %d", *s.Min))
	}
	if len(s.Enum) > 0 {
		all = append(all, "Member must satisfy enum value set: ["+strings.Join(s.Enum, ", ")+"]")
	}
	if s.Pattern != "" {
		all = append(all, fmt.Sprintf(p.Pattern, s.Pattern))
	}
	return fmt.Sprintf("all(%s, %s)", call, quote(strings.Join(all, ", ")))
}

// shown adds to violations of a scalar or a list the value that broke the
// constraint, where a refusal shows it.
func (p *pkg) shown(found string, s *shape) string {
	switch _, scalar := scalarTypes[s.Type]; {
	case !p.Detailed || s.Sensitive || s.Type == "blob":
		return found
	case scalar:
		return "of(v, " + found + ")"
	case p.Shapes[s.Member.Shape].Type == "string" && !p.Shapes[s.Member.Shape].Sensitive:
		return "ofList(list, " + found + ")"
	default:
		return found
	}
}

// printScalarCheck checks bounds, then the enumeration, then the pattern.
func (p *pkg) printScalarCheck(w *printer, name string) {
	s := p.Shapes[name]
	var checks []string
	if s.Min != nil || s.Max != nil {
		checks = append(checks, s.checkBounds("v"))
	}
	if len(s.Enum) > 0 {
		checks = append(checks, fmt.Sprintf("checkEnum(v, %s)", quoted(s.Enum)))
	}
	if s.Pattern != "" {
		checks = append(checks, "checkPattern(v, pattern"+exported(name)+")")
	}
	w.p("func check%s(v %s) (found []violation) {", exported(name), p.goType(name))
	for _, check := range checks {
		w.p("found = append(found, %s...)", check)
	}
	w.p("return %s\n}\n", p.shown("found", s))
}

func quoted(values []string) string {
	literals := make([]string, len(values))
	for i, value := range values {
		literals[i] = quote(value)
	}
	return strings.Join(literals, ", ")
}

// checkBounds is the call that checks a scalar's length or value.
func (s *shape) checkBounds(value string) string {
	low, high := s.limits()
	switch s.Type {
	case "string":
		return fmt.Sprintf("checkLength(%s, %s, %s)", value, low, high)
	case "blob":
		return s.checkCount(value)
	default:
		return fmt.Sprintf("checkRange(int64(%s), %s, %s)", value, low, high)
	}
}

// checkCount is the call that checks the number of elements or bytes.
func (s *shape) checkCount(value string) string {
	low, high := s.limits()
	return fmt.Sprintf("checkCount(len(%s), %s, %s)", value, low, high)
}

// limits are min and max, or those of the Go type.
func (s *shape) limits() (low, high string) {
	low, high = "0", "unlimited"
	if s.Type == "integer" || s.Type == "long" {
		low = strconv.Itoa(math.MinInt64)
	}
	if s.Min != nil {
		low = strconv.FormatInt(*s.Min, 10)
	}
	if s.Max != nil {
		high = strconv.FormatInt(*s.Max, 10)
	}
	return low, high
}

func (p *pkg) printPatterns(w *printer) {
	w.p("// The patterns of the model, which match whole values.\nvar (")
	for _, name := range p.shapeNames(func(name string, s *shape) bool { return s.Pattern != "" && p.inputs[name] }) {
		text, ok := p.PatternOf[name]
		if !ok {
			text = p.Pattern
		}
		p.printPattern(w, exported(name), p.expression(name), text, p.Shapes[name].Pattern)
	}
	for _, path := range slices.Sorted(maps.Keys(p.MemberPattern)) {
		owner, memberName, _ := strings.Cut(path, ".")
		pattern := p.MemberPattern[path]
		p.printPattern(w, exported(owner)+exported(memberName), anchored(pattern), p.Pattern, pattern)
	}
	w.p(")")
}

func (p *pkg) printPattern(w *printer, name, expression, text, pattern string) {
	w.p("pattern%s = &pattern{\nregexp.MustCompile(%s),\n%s,\n%s,\n}", name, quote(expression),
		quote(fmt.Sprintf(text, pattern)), quote(fmt.Sprintf(plainPattern, pattern)))
}

const violationSource = `
// A violation is a broken constraint. A member of a structure in a list is
// written as in tags.1.member.key, counted from one; an element of a list of
// plain values is reported at the list.
type violation struct {
	path       string
	constraint string
	// element is the constraint in the words that apply to an element of a
	// list, where they differ.
	element string
	// value is what broke the constraint, where a refusal shows it.
	value string
}

// enough is how many violations are looked for in a list.
const enough = 10

func missing(member string) violation {
	return violation{path: member, constraint: "Member must not be null", value: " null"}
}

// in returns violations as seen from the structure that has them in a member.
func in(member string, found []violation) []violation {
	for i := range found {
		if found[i].path != "" {
			found[i].path = "." + found[i].path
		}
		found[i].path = member + found[i].path
	}
	return found
}

// inElement returns violations as seen from the list that has them in an element.
func inElement(i int, found []violation) []violation {
	if found == nil {
		return nil
	}
	return in(strconv.Itoa(i+1)+".member", found)
}

// ofElement returns a list's violation for those of a plain value in it.
func ofElement(found []violation) []violation {
	if found == nil {
		return nil
	}
	constraint := found[0].constraint
	if found[0].element != "" {
		constraint = found[0].element
	}
	return []violation{{constraint: "Member must satisfy constraint: [" + constraint + "]"}}
}

const unlimited = 1<<63 - 1

// checkLength counts characters, and only where the number of bytes does not
// settle the matter.
func checkLength(s string, low, high int64) []violation {
	n := int64(len(s))
	if n > high || n < low*utf8.UTFMax {
		n = int64(utf8.RuneCountInString(s))
	}
	return checkLengthIs(n, low, high)
}

func checkCount(n int, low, high int64) []violation {
	return checkLengthIs(int64(n), low, high)
}

func checkLengthIs(n, low, high int64) []violation {
	return checkBounds(n, low, high, "length")
}

func checkRange(n, low, high int64) []violation {
	return checkBounds(n, low, high, "value")
}

func checkBounds(n, low, high int64, what string) []violation {
	switch {
	case n < low:
		return []violation{{constraint: "Member must have " + what + " greater than or equal to " + strconv.FormatInt(low, 10)}}
	case n > high:
		return []violation{{constraint: "Member must have " + what + " less than or equal to " + strconv.FormatInt(high, 10)}}
	default:
		return nil
	}
}

func checkEnum(s string, values ...string) []violation {
	if slices.Contains(values, s) {
		return nil
	}
	return []violation{{constraint: "Member must satisfy enum value set: [" + strings.Join(values, ", ") + "]"}}
}

// A pattern is a regular expression and how a refusal words it, for a member
// and for an element of a list.
type pattern struct {
	expression      *regexp.Regexp
	member, element string
}

func checkPattern(s string, p *pattern) []violation {
	if p.expression.MatchString(s) {
		return nil
	}
	return []violation{{constraint: p.member, element: p.element}}
}

`

const detailedRefusalSource = `
// of adds the value that broke constraints.
func of(value any, found []violation) []violation {
	for i := range found {
		found[i].value = " '" + shorten(fmt.Sprint(value)) + "'"
	}
	return found
}

// all puts all constraints of a value in the place of those that it breaks.
func all(found []violation, constraints string) []violation {
	if found == nil {
		return nil
	}
	return []violation{{constraint: constraints}}
}

// ofList adds the list that broke constraints.
func ofList(list []string, found []violation) []violation {
	return of("["+strings.Join(list, ", ")+"]", found)
}

// shorten cuts what a refusal repeats of the request.
func shorten(text string) string {
	const most = 1024
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// refusal names every broken constraint.
func refusal(found []violation) error {
	if len(found) == 0 {
		return nil
	}
	texts := make([]string, len(found))
	for i, v := range found {
		texts[i] = "Value" + v.value + " at '" + v.path + "' failed to satisfy constraint: " + v.constraint
	}
	errors := " validation errors detected: "
	if len(found) == 1 {
		errors = " validation error detected: "
	}
	return NewError(codeInvalid, strconv.Itoa(len(found))+errors+strings.Join(texts, "; "))
}

`

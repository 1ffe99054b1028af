package main

import (
	"net/http"
	"strings"
)

func (p *pkg) printErrors(w *printer) {
	exceptions := p.shapeNames(func(_ string, s *shape) bool { return s.Exception })
	w.WriteString(errorSource)
	w.p("// errorStatus has the HTTP status of every code of the model.")
	w.p("var errorStatus = map[string]int{")
	for _, name := range exceptions {
		w.p("%q: %d,", p.Shapes[name].code(name), p.Shapes[name].status())
	}
	w.p("}\n")
	for _, name := range exceptions {
		p.printConstructor(w, name)
	}
}

// code is the name of an exception on the wire.
func (s *shape) code(name string) string {
	if s.Error.Code != "" {
		return s.Error.Code
	}
	return name
}

func (s *shape) status() int {
	switch {
	case s.Error.HTTPStatusCode != 0:
		return s.Error.HTTPStatusCode
	case s.Fault:
		return http.StatusInternalServerError
	default:
		return http.StatusBadRequest
	}
}

// printConstructor prints a function with a parameter for every member of an
// exception, the message first.
func (p *pkg) printConstructor(w *printer, name string) {
	s := p.Shapes[name]
	params, fields := "message string", ""
	for _, m := range s.Members {
		if strings.EqualFold(m.Name, "message") {
			continue
		}
		params += ", " + unexported(m.Name) + " " + p.goType(m.Shape)
		fields += quote(m.Name) + ": " + unexported(m.Name) + ",\n"
	}
	w.p("// %s has the status %d.", exported(name), s.status())
	w.p("func %s(%s) *Error {", exported(name), params)
	if fields == "" {
		w.p("return NewError(%q, message)\n}\n", s.code(name))
		return
	}
	w.p("e := NewError(%q, message)", s.code(name))
	w.p("e.Members = map[string]any{\n%s}", fields)
	w.p("return e\n}\n")
}

const errorSource = `
// An Error is what a caller is told instead of a response.
type Error struct {
	// Code names the error, as clients compare it.
	Code string
	// Message is for people.
	Message string
	// Status is the HTTP status.
	Status int
	// Members are what the error carries beside its message, by their wire names.
	Members map[string]any
}

// NewError returns the error with a code, of the model or common to all
// services of AWS, with the status that the model gives it, else 400.
func NewError(code, message string) *Error {
	status, ok := errorStatus[code]
	if !ok {
		status = 400
	}
	return &Error{Code: code, Message: message, Status: status}
}

// ErrorStatus returns the HTTP status of a code, and whether the model has the code.
func ErrorStatus(code string) (status int, ok bool) {
	status, ok = errorStatus[code]
	return status, ok
}

// Error is the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// ErrorCode returns the code.
func (e *Error) ErrorCode() string { return e.Code }

// ErrorMessage returns the message alone.
func (e *Error) ErrorMessage() string { return e.Message }

// ErrorStatus returns the HTTP status.
func (e *Error) ErrorStatus() int { return e.Status }

// ErrorMembers returns the members beside the message.
func (e *Error) ErrorMembers() map[string]any { return e.Members }

`

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A model is a service as AWS describes it, in the form that its SDKs for
// scripting languages read ("service-2.json").
type model struct {
	Metadata   metadata
	Operations map[string]operation
	Shapes     map[string]*shape
}

type metadata struct {
	APIVersion   string `json:"apiVersion"`
	JSONVersion  string `json:"jsonVersion"`
	Protocol     string `json:"protocol"`
	ServiceID    string `json:"serviceId"`
	SigningName  string `json:"signingName"`
	Endpoint     string `json:"endpointPrefix"`
	TargetPrefix string `json:"targetPrefix"`
	XMLNamespace string `json:"xmlNamespace"`
}

// signingName is the service name of a credential scope: the endpoint's prefix
// where the model gives no other.
func (m metadata) signingName() string {
	if m.SigningName != "" {
		return m.SigningName
	}
	return m.Endpoint
}

type operation struct {
	Name          string
	Input, Output *ref
}

type ref struct{ Shape string }

// A shape is a named type with its constraints.
type shape struct {
	Type       string
	Members    members
	Required   []string
	Member     ref // of a list
	Key, Value ref // of a map
	Min, Max   *int64
	Pattern    string
	Enum       []string
	Exception  bool
	Fault      bool
	Sensitive  bool
	Error      struct {
		Code           string
		HTTPStatusCode int `json:"httpStatusCode"`
	}
}

func (s *shape) requires(member string) bool { return slices.Contains(s.Required, member) }

// members keep the order of the model, which is the order of validation.
type members []member

type member struct{ Name, Shape string }

// UnmarshalJSON reads an object in the order of its text.
func (m *members) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var r ref
		if err := d.Decode(&r); err != nil {
			return err
		}
		*m = append(*m, member{Name: fmt.Sprint(name), Shape: r.Shape})
	}
	return nil
}

func parseModel(text []byte) (*model, error) {
	m := new(model)
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("parse model: %w", err)
	}
	if len(m.Operations) == 0 {
		return nil, errors.New("the model has no operations")
	}
	m.addMissingInputs()
	return m, m.checkReferences()
}

// addMissingInputs gives every operation a request, so that all of them look
// the same. Some models leave out one that has no members.
func (m *model) addMissingInputs() {
	for name, op := range m.Operations {
		op.Name = name
		if op.Input == nil {
			op.Input = &ref{Shape: name + "Request"}
			m.Shapes[op.Input.Shape] = &shape{Type: "structure"}
		}
		m.Operations[name] = op
	}
}

func (m *model) checkReferences() error {
	for name, s := range m.Shapes {
		for used := range m.uses(s) {
			if m.Shapes[used] == nil {
				return fmt.Errorf("shape %s uses %s, which the model does not have", name, used)
			}
		}
	}
	for name, op := range m.Operations {
		if m.Shapes[op.Input.Shape] == nil || op.Output != nil && m.Shapes[op.Output.Shape] == nil {
			return fmt.Errorf("operation %s: the model does not have its input or output", name)
		}
	}
	return nil
}

// uses yields the shapes that a shape is made of.
func (m *model) uses(s *shape) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, member := range s.Members {
			if !yield(member.Shape) {
				return
			}
		}
		for _, r := range []ref{s.Member, s.Key, s.Value} {
			if r.Shape != "" && !yield(r.Shape) {
				return
			}
		}
	}
}

// reach adds a shape and all that it is made of to a set.
func (m *model) reach(set map[string]bool, name string) {
	if set[name] {
		return
	}
	set[name] = true
	for used := range m.uses(m.Shapes[name]) {
		m.reach(set, used)
	}
}

func (m *model) operationNames() []string { return slices.Sorted(maps.Keys(m.Operations)) }

// shapeNames returns the sorted names of the shapes that keep says yes to.
func (m *model) shapeNames(keep func(name string, s *shape) bool) []string {
	var names []string
	for name, s := range m.Shapes {
		if keep(name, s) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

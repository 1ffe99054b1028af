package iam

import "slices"

// A rule is a [Statement] made ready for evaluation.
type rule struct {
	effect Effect
	sid    string
	// principals are of a resource policy.
	principals    []principalTest
	notPrincipals bool // principals are those left out
	actions       []glob
	notActions    bool // actions are those left out
	// resources are nil where the policy's own resource is meant.
	resources    []template
	notResources bool
	conditions   []condition
}

// compile fills in the rules and the keys. Conditions whose values are not of
// their operators' types are refused.
func (d *Document) compile() error {
	for i, s := range d.Statements {
		r, err := s.compile(d.Version)
		if err != nil {
			return malformed(legacyParsing, "statement %d: %w", i, err)
		}
		d.rules = append(d.rules, r)
		d.keys = append(d.keys, r.keys()...)
	}
	slices.Sort(d.keys)
	d.keys = slices.Compact(d.keys)
	return nil
}

func (s Statement) compile(version string) (rule, error) {
	r := rule{
		effect: s.Effect, sid: s.SID, notPrincipals: s.NotPrincipals != nil,
		notActions: s.NotActions != nil, notResources: s.NotResources != nil,
	}
	for _, pattern := range slices.Concat(s.Principals, s.NotPrincipals) {
		r.principals = append(r.principals, newPrincipalTest(pattern))
	}
	for _, pattern := range slices.Concat(s.Actions, s.NotActions) {
		r.actions = append(r.actions, newGlob(lowerASCII(wildcards(pattern))))
	}
	for _, pattern := range slices.Concat(s.Resources, s.NotResources) {
		r.resources = append(r.resources, newTemplate(pattern, version, true))
	}
	for _, source := range s.Conditions {
		c, err := newCondition(source, version)
		if err != nil {
			return rule{}, err
		}
		r.conditions = append(r.conditions, c)
	}
	return r, nil
}

// keys returns the condition keys that the rule depends on, as they come.
func (r *rule) keys() []string {
	var keys []string
	templates := slices.Clone(r.resources)
	for _, c := range r.conditions {
		keys = append(keys, c.key)
		templates = append(templates, c.variables...)
	}
	for _, t := range templates {
		for _, p := range t.parts {
			if p.key != "" {
				keys = append(keys, p.key)
			}
		}
	}
	return keys
}

func (r *rule) coversAction(action string) bool {
	for i := range r.actions {
		if r.actions[i].matches(action) {
			return !r.notActions
		}
	}
	return r.notActions
}

// coversResource reports whether the rule is about the resource. What to leave
// out cannot be told when it depends on a variable that the request lacks: then
// the rule may only ever deny.
func (r *rule) coversResource(e *evaluation) bool {
	if r.resources == nil {
		return true
	}
	for i := range r.resources {
		if r.notResources && r.effect == Allow && !r.resources[i].resolves(e) {
			return false
		}
		if r.resources[i].matches(e, e.query.Resource) {
			return !r.notResources
		}
	}
	return r.notResources
}

func (r *rule) conditionsHold(e *evaluation) bool {
	for i := range r.conditions {
		if !r.conditions[i].holds(e, r.effect) {
			return false
		}
	}
	return true
}

package iam

import "errors"

// ParseIdentityPolicy validates the text of a policy of a user, group or role.
func ParseIdentityPolicy(text string) (Document, error) {
	return parse(text, func(s Statement) error {
		if s.Principals != nil || s.NotPrincipals != nil {
			return errors.New("Policy document should not specify a principal.") //nolint:staticcheck // IAM's words
		}
		return nil
	})
}

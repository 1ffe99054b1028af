package iam

import (
	"slices"
	"strings"
)

// The actions of the key management service (service authorization reference,
// "Actions, resources, and condition keys for AWS Key Management Service"), as
// far as there are operations for them. Re-encryption is two actions, on the
// key that it is from and on the one that it is to.
const (
	CancelKeyDeletion               = "kms:CancelKeyDeletion"
	CreateAlias                     = "kms:CreateAlias"
	CreateGrant                     = "kms:CreateGrant"
	CreateKey                       = "kms:CreateKey"
	Decrypt                         = "kms:Decrypt"
	DeleteAlias                     = "kms:DeleteAlias"
	DescribeKey                     = "kms:DescribeKey"
	DisableKey                      = "kms:DisableKey"
	DisableKeyRotation              = "kms:DisableKeyRotation"
	EnableKey                       = "kms:EnableKey"
	EnableKeyRotation               = "kms:EnableKeyRotation"
	Encrypt                         = "kms:Encrypt"
	GenerateDataKey                 = "kms:GenerateDataKey"
	GenerateDataKeyWithoutPlaintext = "kms:GenerateDataKeyWithoutPlaintext"
	GetKeyPolicy                    = "kms:GetKeyPolicy"
	GetKeyRotationStatus            = "kms:GetKeyRotationStatus"
	ListAliases                     = "kms:ListAliases"
	ListGrants                      = "kms:ListGrants"
	ListKeyPolicies                 = "kms:ListKeyPolicies"
	ListKeys                        = "kms:ListKeys"
	ListResourceTags                = "kms:ListResourceTags"
	PutKeyPolicy                    = "kms:PutKeyPolicy"
	ReEncryptFrom                   = "kms:ReEncryptFrom"
	ReEncryptTo                     = "kms:ReEncryptTo"
	RetireGrant                     = "kms:RetireGrant"
	RevokeGrant                     = "kms:RevokeGrant"
	RotateKeyOnDemand               = "kms:RotateKeyOnDemand"
	ScheduleKeyDeletion             = "kms:ScheduleKeyDeletion"
	TagKey                          = "kms:TagResource"
	UntagKey                        = "kms:UntagResource"
	UpdateAlias                     = "kms:UpdateAlias"
	UpdateKeyDescription            = "kms:UpdateKeyDescription"
)

// ParseKeyPolicy validates the text of the policy of a KMS key, except for its
// length, and returns it or a [*PolicyError]. Each statement needs Effect,
// Principal or NotPrincipal, Action or NotAction, and Resource or NotResource.
// Whether the principals exist is not checked.
func ParseKeyPolicy(text string) (*Document, error) {
	return parse(text, func(d *Document) error {
		return d.eachStatement(Statement.checkKey)
	})
}

func (s Statement) checkKey() *PolicyError {
	if s.Principals == nil && s.NotPrincipals == nil {
		return malformed(principalMissing, "a key policy needs Principal")
	}
	if s.Resources == nil && s.NotResources == nil {
		return malformed(noResources, "a key policy needs Resource")
	}
	for _, pattern := range slices.Concat(s.Actions, s.NotActions) {
		if err := checkActionForm(pattern); err != nil {
			return err
		}
	}
	for _, pattern := range slices.Concat(s.Resources, s.NotResources) {
		if err := checkResourceForm(pattern); err != nil {
			return err
		}
	}
	return nil
}

// IsKeyARN reports whether a resource is a KMS key, and not an alias.
func IsKeyARN(resource string) bool {
	a, ok := splitARN(resource)
	return ok && a.service == "kms" && strings.HasPrefix(a.resource, "key/")
}

package kms

import (
	"context"
	"errors"
	"strings"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/store"
)

// maxPolicy is how many bytes a key policy may have.
const maxPolicy = 32 << 10

// ParsePolicy returns a key policy, or refuses with [CodeMalformedPolicy] or
// [CodeLimitExceeded].
func ParsePolicy(text string) (*iam.Document, error) {
	if len(text) > maxPolicy {
		return nil, refuse(CodeLimitExceeded, "The policy has more than %d bytes.", maxPolicy)
	}
	document, err := iam.ParseKeyPolicy(text)
	if worded, ok := errors.AsType[*iam.PolicyError](err); ok {
		return nil, refuse(CodeMalformedPolicy, "%s", worded.Message)
	}
	return document, err
}

// DefaultPolicy leaves all decisions about a key to the identity policies of its
// account.
func DefaultPolicy(at Place) string {
	return `{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "` + at.root() + `"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}`
}

// managedPolicy lets everyone of an account use a key through ECR, and look at
// it, and nobody manage it.
func managedPolicy(at Place) string {
	return `{
  "Version" : "2012-10-17",
  "Id" : "auto-ecr-1",
  "Statement" : [ {
    "Sid" : "Allow access through ECR for all principals in the account that are authorized to use ECR",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "*"
    },
    "Action" : [ "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:RetireGrant", "kms:DescribeKey" ],
    "Resource" : "*",
    "Condition" : {
      "StringEquals" : {
        "kms:CallerAccount" : "` + at.Account + `",
        "kms:ViaService" : "` + ECRService(at.Region) + `"
      }
    }
  }, {
    "Sid" : "Allow direct access to key metadata to the account",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "` + at.root() + `"
    },
    "Action" : [ "kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant" ],
    "Resource" : "*"
  } ]
}`
}

// Policy returns a key's policy.
func (s *Service) Policy(ctx context.Context, id KeyID) (string, error) {
	state, err := s.state(ctx, id)
	if err != nil {
		return "", err
	}
	return state.row.Policy, nil
}

// SetPolicy replaces a key's policy, with the ids of the principals that it names. It refuses with [CodeMalformedPolicy] or
// [CodeLimitExceeded]. Whether it locks out those who set it is not looked at.
func (s *Service) SetPolicy(ctx context.Context, id KeyID, policy string, principals iam.Pins) error {
	if _, err := ParsePolicy(policy); err != nil {
		return err
	}
	_, err := s.change(ctx, id, func(_ context.Context, _ *store.Tx, key *store.KMSKey) error {
		if Manager(key.Manager) == AWS {
			return refuse(CodeAccessDenied, "%s is managed by AWS.", id.ARN())
		}
		key.Policy, key.Principals = policy, principals.Text()
		return nil
	})
	return err
}

// targetOf returns what counts of a key whose policy is given when permission is
// asked for.
func targetOf(id KeyID, policy, principals string) (*iam.Target, error) {
	document, err := iam.ParseKeyPolicy(policy)
	if err != nil {
		return nil, err
	}
	pins, err := iam.ParsePins(principals)
	if err != nil {
		return nil, err
	}
	return &iam.Target{
		Trust:    true,
		Policies: []iam.NamedPolicy{{Name: "policy of " + id.ARN(), Document: document.Pinned(pins)}},
		Keys: iam.Keys{
			"kms:keyspec": {"SYMMETRIC_DEFAULT"}, "kms:keyusage": {"ENCRYPT_DECRYPT"}, "kms:keyorigin": {"AWS_KMS"}, "kms:multiregion": {"false"},
		},
	}, nil
}

// Target implements the interface of package access: what counts for an action
// on a key, given by its ARN. A key that does not exist is asked for as one with
// the default policy, which leaves the answer to the identity policies of its
// account.
func (s *Service) Target(ctx context.Context, _, resource string) (*iam.Target, error) {
	id, ok := keyIDOf(resource)
	if !ok {
		place, _, _ := cutARN(resource)
		return targetOf(KeyID{Place: place}, DefaultPolicy(place), "")
	}
	state, err := s.state(ctx, id)
	if IsRefusal(err, CodeNotFound) {
		return targetOf(id, DefaultPolicy(id.Place), "")
	}
	if err != nil {
		return nil, err
	}
	return state.target, nil
}

// ECRAlias is the alias of the key that repositories have which name none.
const ECRAlias = reservedPrefix + "ecr"

// ECRService is the principal of the registry in a region, and what requests come
// through when it makes them for somebody.
func ECRService(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "ecr." + region + ".amazonaws.com.cn"
	}
	return "ecr." + region + ".amazonaws.com"
}

// errTaken reports that another request made the key first.
var errTaken = errors.New("the alias exists already")

// Managed returns the key at a place that AWS manages for ECR, and makes it if
// there is none.
func (s *Service) Managed(ctx context.Context, at Place) (KeyID, error) {
	for {
		found, err := s.ResolveAny(ctx, at, ECRAlias)
		if err != nil || !found.IsMissing() {
			return found.KeyID, err
		}
		row := store.KMSKey{
			Account: at.Account, Region: at.Region, Manager: string(AWS), State: string(Enabled),
			Description: "Default key that protects my ECR data when no other key is defined", Policy: managedPolicy(at),
			RotationDays: DefaultRotationDays, RotatesAt: s.now().Add(DefaultRotationDays * day).UnixMilli(),
		}
		key, err := s.insert(ctx, row, func(ctx context.Context, tx *store.Tx, row store.KMSKey) error {
			first, err := tx.InsertKMSAlias(ctx, store.KMSAlias{
				Account: at.Account, Region: at.Region, Name: ECRAlias, KeyID: row.ID, CreatedAt: row.CreatedAt, UpdatedAt: row.CreatedAt,
			})
			if err == nil && !first {
				err = errTaken
			}
			return err
		})
		if !errors.Is(err, errTaken) {
			return key.KeyID, err
		}
	}
}

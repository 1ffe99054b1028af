package kms

import "github.com/nifuda/nifuda/internal/iam"

// RepositoryContext is the encryption context of what belongs to a repository of
// ECR.
func RepositoryContext(repositoryARN string) map[string]string {
	return map[string]string{"aws:ecr:arn": repositoryARN}
}

// RepositoryGrants are what the registry has to be granted on the key of a
// repository at a place, given by its ARN: one grant to seal with, one to open.
func RepositoryGrants(at Place, repositoryARN string) []Terms {
	service := ECRService(at.Region)
	terms := Terms{Grantee: service, Retiring: service, Subset: RepositoryContext(repositoryARN), Issuer: iam.Root(iam.Partition(at.Region), at.Account).ARN}
	seal, open := terms, terms
	seal.Operations = []string{"GenerateDataKey", "DescribeKey"}
	open.Operations = []string{"Decrypt", "DescribeKey"}
	return []Terms{seal, open}
}

// RepositoryUses are what somebody who gives a key to a repository must be
// allowed, through the registry: to look at the key, and to make the grants and
// retire them.
func RepositoryUses(p iam.Principal, key Reference, grants []Terms) []Use {
	use := Use{Principal: p, Action: iam.DescribeKey, Key: key, Via: ECRService(key.Region)}
	uses := []Use{use}
	use.Action = iam.CreateGrant
	for i := range grants {
		use.Grant = &grants[i]
		uses = append(uses, use)
	}
	use.Action, use.Grant = iam.RetireGrant, nil
	return append(uses, use)
}

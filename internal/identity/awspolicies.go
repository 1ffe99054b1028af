package identity

import (
	"crypto/sha256"
	"embed"
	"encoding/base32"
	"slices"
	"strings"
	"time"
)

// awsAccount owns the policies that AWS manages, which every account can use.
const awsAccount = "aws"

//go:embed awspolicies/*.json
var awsPolicyDocuments embed.FS

// awsPolicyTable are the policies that AWS manages, as far as they are about
// registries and those who administer them (spec 2.4): the name, the path, the
// number of the version, and when the policy and that version were made.
var awsPolicyTable = []struct {
	name, path       string
	version          int
	created, updated string
}{
	{"AWSECRPullThroughCache_ServiceRolePolicy", serviceRolePath, 2, "2021-11-26", "2023-11-13"},
	{"AdministratorAccess", "/", 1, "2015-02-06", "2015-02-06"},
	{"AmazonEC2ContainerRegistryFullAccess", "/", 4, "2015-12-21", "2020-11-10"},
	{"AmazonEC2ContainerRegistryPowerUser", "/", 3, "2015-12-21", "2019-12-10"},
	{"AmazonEC2ContainerRegistryPullOnly", "/", 1, "2024-10-10", "2024-10-10"},
	{"AmazonEC2ContainerRegistryReadOnly", "/", 3, "2015-12-21", "2019-12-10"},
	{"AmazonElasticContainerRegistryPublicFullAccess", "/", 1, "2020-12-01", "2020-12-01"},
	{"AmazonElasticContainerRegistryPublicPowerUser", "/", 1, "2020-12-01", "2020-12-01"},
	{"AmazonElasticContainerRegistryPublicReadOnly", "/", 1, "2020-12-01", "2020-12-01"},
	{"ECRReplicationServiceRolePolicy", serviceRolePath, 1, "2020-12-04", "2020-12-04"},
	{"ECRTemplateServiceRolePolicy", serviceRolePath, 1, "2024-06-20", "2024-06-20"},
	{"IAMFullAccess", "/", 2, "2015-02-06", "2019-06-21"},
	{"IAMReadOnlyAccess", "/", 4, "2015-02-06", "2018-01-25"},
	{"PowerUserAccess", "/", 6, "2015-02-06", "2024-12-11"},
}

// awsPolicies are the policies of the table, by ARN.
var awsPolicies = func() map[string]awsPolicy {
	policies := make(map[string]awsPolicy, len(awsPolicyTable))
	for _, row := range awsPolicyTable {
		p := awsPolicy{
			Entity: Entity{
				Account: awsAccount, Kind: Policy, Name: row.name, Path: row.path,
				ID: awsPolicyID(row.name), CreatedAt: day(row.created),
			},
			version: row.version, updated: day(row.updated), document: readAWSPolicy(row.name),
		}
		policies[p.ARN()] = p
	}
	return policies
}()

// An awsPolicy is a managed policy that is code. Nobody can change it.
type awsPolicy struct {
	Entity
	version  int
	updated  time.Time
	document string
}

// IsAWSManaged reports whether an ARN is that of a policy of AWS, existing or not.
func IsAWSManaged(arn string) bool {
	owner, kind, _, ok := ParseEntityARN(arn)
	return ok && kind == Policy && owner == awsAccount
}

// isForServices reports whether only roles of services can have the policy.
func (p awsPolicy) isForServices() bool { return p.Path == serviceRolePath }

// awsPolicyID makes the unique id of a policy of AWS, which is always the same.
func awsPolicyID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return kinds[Policy].idPrefix + base32.StdEncoding.EncodeToString(sum[:])[:17]
}

func day(date string) time.Time {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		panic(err) // the table is a constant
	}
	return t
}

func readAWSPolicy(name string) string {
	text, err := awsPolicyDocuments.ReadFile("awspolicies/" + name + ".json")
	if err != nil {
		panic(err) // the file is part of the program
	}
	return strings.TrimSpace(string(text))
}

func awsPolicyDocument(arn string) (document string, ok bool) {
	p, ok := awsPolicies[arn]
	return p.document, ok
}

// awsPoliciesByName are the policies in the order of their names without case.
var awsPoliciesByName = func() []awsPolicy {
	sorted := make([]awsPolicy, 0, len(awsPolicies))
	for _, p := range awsPolicies {
		sorted = append(sorted, p)
	}
	slices.SortFunc(sorted, func(a, b awsPolicy) int { return strings.Compare(keyOf(a.Name), keyOf(b.Name)) })
	return sorted
}()

package ecrapi_test

import (
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/ecrapi"
	"github.com/nifuda/nifuda/internal/iam"
)

// plain is the repository app as it is created without settings.
const plain = `{"repositoryArn":"arn:aws:ecr:us-east-1:123456789012:repository/app","registryId":"123456789012","repositoryName":"app",
	"repositoryUri":"localhost:5050/app","createdAt":1795316400.000,"imageTagMutability":"MUTABLE",
	"imageScanningConfiguration":{"scanOnPush":false},"encryptionConfiguration":{"encryptionType":"AES256"}}`

func TestRepositoryLife(t *testing.T) {
	f := newFixture(t)
	f.run(
		step{"DescribeRepositories", `{}`, `{"repositories":[]}`},
		step{"CreateRepository", `{"repositoryName":"app"}`, `{"repository":` + plain + `}`},
		step{"CreateRepository", `{"repositoryName":"app"}`, refused("RepositoryAlreadyExistsException", "The repository with name 'app' already exists in the registry with id '123456789012'")},
		step{"DescribeRepositories", `{}`, `{"repositories":[` + plain + `]}`},
		step{"DescribeRepositories", `{"registryId":"123456789012","repositoryNames":["app"]}`, `{"repositories":[` + plain + `]}`},
		step{"DescribeRepositories", `{"repositoryNames":["app","none"]}`, refused("RepositoryNotFoundException", noRepository)},
	)
	f.push("app", "v1", "v1")
	f.run(
		step{"DeleteRepository", `{"repositoryName":"app"}`, refused("RepositoryNotEmptyException", "The repository with name 'app' in registry with id '123456789012' cannot be deleted because it still contains images")},
		step{"DeleteRepository", `{"repositoryName":"app","force":true}`, `{"repository":` + plain + `}`},
		step{"DeleteRepository", `{"repositoryName":"none"}`, refused("RepositoryNotFoundException", noRepository)},
		step{"DescribeRepositories", `{}`, `{"repositories":[]}`},
	)
}

func TestCreateRepositoryWithEverything(t *testing.T) {
	f := newFixture(t)
	f.run(
		step{
			"CreateRepository", `{"repositoryName":"app","tags":[{"Key":"owner","Value":"me"},{"Key":"empty","Value":""}],
			"imageTagMutability":"IMMUTABLE_WITH_EXCLUSION","imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"z*"},{"filterType":"WILDCARD","filter":"a*"}],
			"imageScanningConfiguration":{"scanOnPush":true},"encryptionConfiguration":{"encryptionType":"AES256"}}`,
			`{"repository":{"repositoryArn":"arn:aws:ecr:us-east-1:123456789012:repository/app","registryId":"123456789012","repositoryName":"app",
			"repositoryUri":"localhost:5050/app","createdAt":1795316400.000,"imageTagMutability":"IMMUTABLE_WITH_EXCLUSION",
			"imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"z*"},{"filterType":"WILDCARD","filter":"a*"}],
			"imageScanningConfiguration":{"scanOnPush":true},"encryptionConfiguration":{"encryptionType":"AES256"}}}`,
		},
		step{
			"ListTagsForResource", `{"resourceArn":"arn:aws:ecr:us-east-1:123456789012:repository/app"}`,
			`{"tags":[{"Key":"empty","Value":""},{"Key":"owner","Value":"me"}]}`,
		},
	)
}

func TestCreateRepositoryRefuses(t *testing.T) {
	f := newFixture(t)
	const filters = "imageTagMutabilityExclusionFilters"
	for request, want := range map[string]string{
		`{}`:                         invalid("repositoryName", "Member must not be null"),
		`{"repositoryName":"a"}`:     invalid("repositoryName", "Member must have length greater than or equal to 2"),
		`{"repositoryName":"UPPER"}`: invalid("repositoryName", `must satisfy regular expression '[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*'`),
		`{"repositoryName":"app","registryId":"12"}`: invalid("registryId", "must satisfy regular expression [0-9]{12}"),
		`{"repositoryName":"app","imageTagMutability":"SOMETIMES"}`: invalid("imageTagMutability",
			"Member must satisfy enum value set: [IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION]"),
		`{"repositoryName":"app","imageTagMutability":"MUTABLE_WITH_EXCLUSION"}`: invalid(filters,
			"ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as MUTABLE_WITH_EXCLUSION"),
		`{"repositoryName":"app","imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"a*"}]}`: invalid(filters,
			"ImageTagMutabilityExclusionFilters are not allowed when imageTagMutability is set as MUTABLE"),
		`{"repositoryName":"app","encryptionConfiguration":{"encryptionType":"AES256","kmsKey":"alias/key"}}`: invalid("encryptionConfiguration",
			"Invalid encryption configuration: Encryption key should not be set for AES256 encryption."),
		`{"repositoryName":"app","tags":[{"Key":"aws:x","Value":""}]}`: refused("InvalidTagParameterException",
			"The tag key 'aws:x' must not begin with aws:, which is reserved"),
		`{"repositoryName":"app","tags":[{"Key":"team","Value":"theirs"},{"Key":"Team","Value":"mine"}]}`: refused("InvalidTagParameterException",
			"The tag keys 'Team' and 'team' differ in case only, which policies cannot tell apart"),
		`{"repositoryName":"app","tags":[{"Key":"x"}]}`: invalid("tags.1.member.Value", "Member must not be null"),
	} {
		f.run(step{"CreateRepository", request, want})
	}
	f.run(step{"DescribeRepositories", `{}`, `{"repositories":[]}`})
}

func TestCreateRepositoryWithTagsNeedsThePermissionToTag(t *testing.T) {
	f := newFixture(t)
	f.policy.denied = func(r iam.Request) bool { return r.Action == "ecr:TagResource" }
	f.run(
		step{"CreateRepository", `{"repositoryName":"app","tags":[{"Key":"a","Value":"b"}]}`, refused("AccessDeniedException",
			"User: arn:aws:iam::123456789012:root is not authorized to perform: ecr:TagResource on resource: arn:aws:ecr:us-east-1:123456789012:repository/app"+
				" because no identity-based policy allows the ecr:TagResource action")},
		step{"CreateRepository", `{"repositoryName":"app","tags":[]}`, `{"repository":` + plain + `}`},
	)
}

func TestPutImageTagMutability(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.run(
		step{
			"PutImageTagMutability", `{"repositoryName":"app","imageTagMutability":"MUTABLE_WITH_EXCLUSION","imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"v*"}]}`,
			`{"registryId":"123456789012","repositoryName":"app","imageTagMutability":"MUTABLE_WITH_EXCLUSION","imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"v*"}]}`,
		},
		step{
			"PutImageTagMutability", `{"repositoryName":"app","imageTagMutability":"IMMUTABLE"}`,
			`{"registryId":"123456789012","repositoryName":"app","imageTagMutability":"IMMUTABLE"}`,
		},
		step{"DescribeRepositories", `{}`, `{"repositories":[` + strings.Replace(plain, "MUTABLE", "IMMUTABLE", 1) + `]}`},
		step{"PutImageTagMutability", `{"repositoryName":"app","imageTagMutability":"IMMUTABLE_WITH_EXCLUSION"}`, invalid("imageTagMutabilityExclusionFilters",
			"ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as IMMUTABLE_WITH_EXCLUSION")},
		step{"PutImageTagMutability", `{"repositoryName":"none","imageTagMutability":"MUTABLE"}`, refused("RepositoryNotFoundException", noRepository)},
	)
}

func TestPutImageScanningConfiguration(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.run(
		step{
			"PutImageScanningConfiguration", `{"repositoryName":"app","imageScanningConfiguration":{"scanOnPush":true}}`,
			`{"registryId":"123456789012","repositoryName":"app","imageScanningConfiguration":{"scanOnPush":true}}`,
		},
		step{"DescribeRepositories", `{}`, `{"repositories":[` + strings.Replace(plain, "false", "true", 1) + `]}`},
		step{
			"PutImageScanningConfiguration", `{"repositoryName":"app","imageScanningConfiguration":{}}`,
			`{"registryId":"123456789012","repositoryName":"app","imageScanningConfiguration":{"scanOnPush":false}}`,
		},
		step{"PutImageScanningConfiguration", `{"repositoryName":"none","imageScanningConfiguration":{}}`, refused("RepositoryNotFoundException", noRepository)},
	)
}

func TestEachAccountAndRegionIsARegistryOfItsOwn(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	f.as(other, region)
	f.run(
		step{"DescribeRepositories", `{}`, `{"repositories":[]}`},
		step{"DescribeRepositories", `{"registryId":"123456789012"}`, `{"repositories":[` + plain + `]}`},
		step{"CreateRepository", `{"repositoryName":"app"}`, `{"repository":` + strings.ReplaceAll(plain, account, other) + `}`},
	)
	f.as(account, "cn-north-1")
	f.run(
		step{"DescribeRepositories", `{}`, `{"repositories":[]}`},
		step{
			"CreateRepository", `{"repositoryName":"app"}`,
			`{"repository":` + strings.Replace(plain, "arn:aws:ecr:us-east-1", "arn:aws-cn:ecr:cn-north-1", 1) + `}`,
		},
	)
}

func TestRepositoriesAreWhereTheCallerReachesThem(t *testing.T) {
	f := newFixture(t)
	f.create("team/app")
	for _, c := range []struct {
		host, domain, want string
		tls                bool
	}{
		{host: "localhost:5050", want: "http://localhost:5050"},
		{host: "localhost:5050", tls: true, want: "https://localhost:5050"},
		{host: "[::1]:5050", want: "http://[::1]:5050"},
		{host: "localhost:5050", domain: "example.com", want: "http://123456789012.dkr.ecr.us-east-1.example.com:5050"},
		{host: "localhost:5050", domain: "example.com", tls: true, want: "https://123456789012.dkr.ecr.us-east-1.example.com:5050"},
		{host: "api.ecr.us-east-1.amazonaws.com", domain: "example.com", want: "http://123456789012.dkr.ecr.us-east-1.example.com"},
		{host: "api.ecr.us-east-1.amazonaws.com", tls: true, want: "https://123456789012.dkr.ecr.us-east-1.amazonaws.com"},
		{host: "API.ECR.us-east-1.AmazonAWS.com:5050", want: "http://123456789012.dkr.ecr.us-east-1.amazonaws.com:5050"},
		{host: "ecr.us-east-1.amazonaws.com", want: "http://123456789012.dkr.ecr.us-east-1.amazonaws.com"},
		{host: "ecr.us-east-1.api.aws", want: "http://123456789012.dkr.ecr.us-east-1.api.aws"},
		{host: "api.ecr-fips.us-east-1.amazonaws.com", want: "http://123456789012.dkr.ecr.us-east-1.amazonaws.com"},
		{host: "ecr-fips.us-east-1.amazonaws.com", want: "http://123456789012.dkr.ecr.us-east-1.amazonaws.com"},
		{host: "210987654321.dkr.ecr.eu-west-1.example.com:5050", want: "http://123456789012.dkr.ecr.us-east-1.example.com:5050"},
		{host: "ecr.example.com", want: "http://ecr.example.com"},
		{host: "api.ecr.example.com", want: "http://api.ecr.example.com"},
		{host: "ecr.us-east-1", want: "http://ecr.us-east-1"},
	} {
		f.serve(func(o *ecrapi.Options) { o.Domain = c.domain })
		f.host, f.tls = c.host, c.tls
		var token struct {
			AuthorizationData []struct{ ProxyEndpoint string }
		}
		f.ok("GetAuthorizationToken", `{}`, &token)
		if got := token.AuthorizationData[0].ProxyEndpoint; got != c.want {
			t.Errorf("%+v: proxyEndpoint %s", c, got)
		}
		var described struct {
			Repositories []struct{ RepositoryURI string }
		}
		f.ok("DescribeRepositories", `{}`, &described)
		_, want, _ := strings.Cut(c.want, "://")
		if got := described.Repositories[0].RepositoryURI; got != want+"/team/app" {
			t.Errorf("%+v: repositoryUri %s", c, got)
		}
	}
}

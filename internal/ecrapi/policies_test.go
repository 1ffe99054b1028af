package ecrapi_test

import (
	"strings"
	"testing"
)

func TestRepositoryPolicy(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	// The text comes back as it was sent, with its white space.
	text := `{ "Version":"2012-10-17", "Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}] }`
	lockout := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"ecr:*"}]}`
	stranger := `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/nobody"},"Action":"ecr:*"}}`
	missing := refused("RepositoryPolicyNotFoundException", "Repository policy does not exist for the repository with name 'app' in the registry with id '123456789012'")
	want := object("registryId", account, "repositoryName", "app", "policyText", text)
	f.run(
		step{"GetRepositoryPolicy", `{"repositoryName":"app"}`, missing},
		step{"DeleteRepositoryPolicy", `{"repositoryName":"app"}`, missing},
		step{"SetRepositoryPolicy", object("repositoryName", "app", "policyText", text), want},
		step{"GetRepositoryPolicy", `{"repositoryName":"app"}`, want},
		step{"SetRepositoryPolicy", object("repositoryName", "app", "policyText", lockout), invalid("PolicyText",
			"The policy would keep you from setting the repository policy again; use force to set it all the same")},
		step{"SetRepositoryPolicy", object("repositoryName", "app", "policyText", stranger), invalid("PolicyText", "Invalid repository policy provided")},
		step{"SetRepositoryPolicy", object("repositoryName", "app", "policyText", "{}"), invalid("PolicyText", "Invalid repository policy provided")},
		step{"SetRepositoryPolicy", object("repositoryName", "app", "policyText", ""), invalid("PolicyText", "Invalid repository policy provided")},
		step{"SetRepositoryPolicy", object("repositoryName", "app", "policyText", strings.Repeat(" ", 10241)), invalid("policyText", "Member must have length less than or equal to 10240")},
		step{"DeleteRepositoryPolicy", `{"repositoryName":"app"}`, want},
		step{"GetRepositoryPolicy", `{"repositoryName":"app"}`, missing},
		step{
			"SetRepositoryPolicy", strings.Replace(object("repositoryName", "app", "policyText", lockout), "{", `{"force":true,`, 1),
			object("registryId", account, "repositoryName", "app", "policyText", lockout),
		},
		step{"GetRepositoryPolicy", `{"repositoryName":"none"}`, refused("RepositoryNotFoundException", noRepository)},
		step{"SetRepositoryPolicy", object("repositoryName", "none", "policyText", text), refused("RepositoryNotFoundException", noRepository)},
		step{"DeleteRepositoryPolicy", `{"repositoryName":"none"}`, refused("RepositoryNotFoundException", noRepository)},
	)
}

func TestRegistryPolicy(t *testing.T) {
	f := newFixture(t)
	text := ` {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::210987654321:root"},"Action":"ecr:ReplicateImage","Resource":"arn:aws:ecr:us-east-1:123456789012:repository/*"}]}`
	missing := refused("RegistryPolicyNotFoundException", "Registry policy does not exist in the registry with id '123456789012'")
	want := object("registryId", account, "policyText", text)
	f.run(
		step{"GetRegistryPolicy", `{}`, missing},
		step{"DeleteRegistryPolicy", `{}`, missing},
		step{"PutRegistryPolicy", object("policyText", text), want},
		step{"GetRegistryPolicy", `{}`, want},
		step{"PutRegistryPolicy", object("policyText", strings.Replace(text, "210987654321:root", "210987654321:user/nobody", 1)), invalid("PolicyText", "Invalid registry policy provided")},
		step{"PutRegistryPolicy", object("policyText", "{"), invalid("PolicyText", "Invalid registry policy provided")},
		step{"PutRegistryPolicy", `{}`, invalid("policyText", "Member must not be null")},
		step{"DeleteRegistryPolicy", `{}`, want},
		step{"GetRegistryPolicy", `{}`, missing},
	)
}

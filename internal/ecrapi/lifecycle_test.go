package ecrapi_test

import (
	"strings"
	"testing"
)

func TestLifecyclePolicy(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	text := `{ "rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":10},"action":{"type":"expire"}}]}`
	missing := refused("LifecyclePolicyNotFoundException", "Lifecycle policy does not exist for the repository with name 'app' in the registry with id '123456789012'")
	want := object("registryId", account, "repositoryName", "app", "lifecyclePolicyText", text)
	f.run(
		step{"GetLifecyclePolicy", `{"repositoryName":"app"}`, missing},
		step{"DeleteLifecyclePolicy", `{"repositoryName":"app"}`, missing},
		step{"PutLifecyclePolicy", object("repositoryName", "app", "lifecyclePolicyText", text), want},
		step{"GetLifecyclePolicy", `{"repositoryName":"app"}`, want},
		step{"PutLifecyclePolicy", object("repositoryName", "app", "lifecyclePolicyText", strings.Repeat(" ", 98)+"{}"), invalid("LifecyclePolicyText",
			`Lifecycle policy validation failure: object has missing required properties (["rules"])`)},
		step{"PutLifecyclePolicy", object("repositoryName", "app", "lifecyclePolicyText", "{}"), invalid("lifecyclePolicyText", "Member must have length greater than or equal to 100")},
		step{"DeleteLifecyclePolicy", `{"repositoryName":"app"}`, want},
		step{"GetLifecyclePolicy", `{"repositoryName":"app"}`, missing},
		step{"GetLifecyclePolicy", `{"repositoryName":"none"}`, refused("RepositoryNotFoundException", noRepository)},
		step{"PutLifecyclePolicy", object("repositoryName", "none", "lifecyclePolicyText", text), refused("RepositoryNotFoundException", noRepository)},
		step{"DeleteLifecyclePolicy", `{"repositoryName":"none"}`, refused("RepositoryNotFoundException", noRepository)},
	)
}

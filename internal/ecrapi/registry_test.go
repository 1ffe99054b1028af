package ecrapi_test

import "testing"

func TestDescribeRegistry(t *testing.T) {
	newFixture(t).run(step{"DescribeRegistry", `{}`, `{"registryId":"123456789012","replicationConfiguration":{"rules":[]}}`})
}

package ecrapi_test

import "testing"

func TestDescribeRegistry(t *testing.T) {
	newFixture(t).run(step{"DescribeRegistry", `{}`, `{"registryId":"123456789012","replicationConfiguration":{"rules":[]}}`})
}

func TestAccountSettings(t *testing.T) {
	const (
		names = "Member must satisfy enum value set: [ANONYMOUS_PULL, BASIC_SCAN_TYPE_VERSION, BLOB_MOUNTING, REGISTRY_POLICY_SCOPE]"
		onOff = "Member must satisfy enum value set: [DISABLED, ENABLED]"
	)
	f := newFixture(t)
	get := func(name, want string) step {
		return step{"GetAccountSetting", object("name", name), object("name", name, "value", want)}
	}
	put := func(name, value string) step {
		return step{"PutAccountSetting", object("name", name, "value", value), object("name", name, "value", value)}
	}
	f.run(
		get("BASIC_SCAN_TYPE_VERSION", "AWS_NATIVE"), get("BLOB_MOUNTING", "ENABLED"),
		get("REGISTRY_POLICY_SCOPE", "V2"), get("ANONYMOUS_PULL", "DISABLED"),
		put("BLOB_MOUNTING", "DISABLED"), get("BLOB_MOUNTING", "DISABLED"),
		put("ANONYMOUS_PULL", "ENABLED"), get("ANONYMOUS_PULL", "ENABLED"),
		put("REGISTRY_POLICY_SCOPE", "V1"), get("REGISTRY_POLICY_SCOPE", "V1"),
		put("BASIC_SCAN_TYPE_VERSION", "AWS_NATIVE"),
		step{"PutAccountSetting", object("name", "BASIC_SCAN_TYPE_VERSION", "value", "CLAIR"), invalid("value", "Member must satisfy enum value set: [AWS_NATIVE]")},
		step{"PutAccountSetting", object("name", "BLOB_MOUNTING", "value", "enabled"), invalid("value", onOff)},
		step{"PutAccountSetting", object("name", "COLOR", "value", "RED"), invalid("name", names)},
		step{"GetAccountSetting", object("name", "COLOR"), invalid("name", names)},
	)
	// Each registry has its own.
	f.as(account, "eu-west-1")
	f.run(get("BLOB_MOUNTING", "ENABLED"))
}

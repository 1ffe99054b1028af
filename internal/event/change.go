package event

// Change is the detail of "Nifuda Registry Change": something of a registry was
// changed other than its images. ECR tells nothing of that.
type Change struct {
	Result Result `json:"result"`
	Kind   Kind   `json:"change-type"`
	// Repository is left out where the registry as a whole was changed.
	Repository string `json:"repository-name,omitempty"`
	// FormerName is what a repository was called that came back under another name.
	FormerName string `json:"former-repository-name,omitempty"`
	// Setting is the name of an account setting, and Value what that, or what else
	// has a single value, was set to.
	Setting string `json:"setting-name,omitempty"`
	Value   string `json:"value,omitempty"`
	// Exclusions are the filters of the tags that a mode of mutability is not about.
	Exclusions []string `json:"exclusion-filters,omitempty"`
}

// DetailType implements [Detail].
func (Change) DetailType() string { return "Nifuda Registry Change" }

// A Kind says what was changed.
type Kind string

// The kinds of changes. Policies are not told word for word.
const (
	RepositoryCreated       Kind = "RepositoryCreated"
	RepositoryDeleted       Kind = "RepositoryDeleted"
	RepositoryRestored      Kind = "RepositoryRestored"
	TagMutabilityChanged    Kind = "TagMutabilityChanged"
	ScanningChanged         Kind = "ScanningChanged"
	RepositoryPolicySet     Kind = "RepositoryPolicySet"
	RepositoryPolicyDeleted Kind = "RepositoryPolicyDeleted"
	LifecyclePolicySet      Kind = "LifecyclePolicySet"
	LifecyclePolicyDeleted  Kind = "LifecyclePolicyDeleted"
	RegistryPolicySet       Kind = "RegistryPolicySet"
	RegistryPolicyDeleted   Kind = "RegistryPolicyDeleted"
	AccountSettingChanged   Kind = "AccountSettingChanged"
)

// Package lifecycle understands lifecycle policies: which images of a
// repository are to expire or to move to the archive. It is pure; reading
// images and acting on them is for others.
package lifecycle

// A Policy is a valid lifecycle policy.
type Policy struct {
	// Rules are in the order of evaluation: by rising priority.
	Rules []Rule
}

// A Rule selects images and says what becomes of them.
type Rule struct {
	// Priority is unique in the policy and at least 1; lower is evaluated first.
	Priority    int
	Description string
	Selection   Selection
	Action      Action
}

// A Selection says which images a [Rule] claims, and which of those it acts on.
type Selection struct {
	TagStatus TagStatus
	// TagPatterns are set exactly when TagStatus is [Tagged]. Each must match
	// at least one tag of an image. A star stands for any characters or none,
	// the whole tag must match, case counts. A prefix of tagPrefixList is here
	// with a star at its end.
	TagPatterns []string
	// StorageClass is the class of the images that the rule sees at all.
	StorageClass StorageClass
	CountType    CountType
	// CountNumber is at least 1: images for [ImageCountMoreThan], else days of
	// 24 hours. As many days as fit here overflow a time.Duration.
	CountNumber int32
}

// An Action is what becomes of a selected image.
type Action struct {
	Type ActionType
	// TargetStorageClass is [Archive] for [Transition] and empty for [Expire].
	TargetStorageClass StorageClass
}

// TagStatus says whether a rule wants tags on an image.
type TagStatus string

// The tag statuses, as policies spell them.
const (
	Tagged   TagStatus = "tagged"
	Untagged TagStatus = "untagged"
	Any      TagStatus = "any"
)

// StorageClass is where an image is kept.
type StorageClass string

// The storage classes, as policies spell them. Standard is the default.
const (
	Standard StorageClass = "standard"
	Archive  StorageClass = "archive"
)

// CountType says what CountNumber counts.
type CountType string

// The count types, as policies spell them.
const (
	// ImageCountMoreThan acts on all but the youngest CountNumber images.
	ImageCountMoreThan CountType = "imageCountMoreThan"
	// SinceImagePushed acts on images pushed, or restored since, longer ago.
	SinceImagePushed CountType = "sinceImagePushed"
	// SinceImagePulled acts on images last pulled longer ago.
	SinceImagePulled CountType = "sinceImagePulled"
	// SinceImageTransitioned acts on images archived longer ago.
	SinceImageTransitioned CountType = "sinceImageTransitioned"
)

// ActionType is what a rule does with an image.
type ActionType string

// The action types, as policies spell them.
const (
	Expire     ActionType = "expire"
	Transition ActionType = "transition"
)

// Error says why a text is no lifecycle policy. It is the first reason of many,
// in ECR's words.
type Error struct {
	// Message is the constraint that the text fails, such as
	// "Lifecycle policy validation failure: Duplicate priority in multiple rules".
	Message string
}

// Error returns the whole sentence that ECR answers as InvalidParameterException.
func (e *Error) Error() string {
	return "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: '" + e.Message + "'"
}

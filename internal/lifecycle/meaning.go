package lifecycle

import (
	"slices"
	"strings"
)

// checkMeaning holds the rules of ECR's user guide on "lifecycle policy
// properties" that no schema expresses. Where ECR's own words are not known
// the message is ours.
func checkMeaning(drafts []draft) error {
	for _, check := range []func([]draft) error{
		each(checkTarget), checkPriorities, each(checkTagLists), each(checkPatterns),
		checkUntagged, checkAny, checkPrefixLists, each(checkCount),
	} {
		if err := check(drafts); err != nil {
			return err
		}
	}
	return nil
}

func each(check func(draft) error) func([]draft) error {
	return func(drafts []draft) error {
		for _, d := range drafts {
			if err := check(d); err != nil {
				return err
			}
		}
		return nil
	}
}

func checkTarget(d draft) error {
	switch {
	case d.action == Transition && d.target == "":
		return unmappable()
	case d.action == Expire && d.target != "":
		return invalid("targetStorageClass is allowed only when action type=TRANSITION")
	}
	return nil
}

func checkPriorities(drafts []draft) error {
	seen := map[int32]bool{}
	for _, d := range drafts {
		if seen[d.priority] {
			return invalid("Duplicate priority in multiple rules")
		}
		seen[d.priority] = true
	}
	return nil
}

func checkTagLists(d draft) error {
	if d.tagStatus != Tagged {
		switch {
		case d.prefixes != nil:
			return invalid("Cannot specify tagPrefixList with tagStatus " + string(d.tagStatus))
		case d.patterns != nil:
			return invalid("Cannot specify tagPatternList with tagStatus " + string(d.tagStatus))
		}
		return nil
	}
	switch {
	case d.prefixes != nil && d.patterns != nil:
		return invalid("If policy has a tagged rule, it must specify only one of tagPrefixList or tagPatternList")
	case len(d.prefixes)+len(d.patterns) == 0:
		return invalid("Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.")
	}
	return nil
}

func checkPatterns(d draft) error {
	for _, pattern := range d.patterns {
		if strings.Count(pattern, "*") > 4 {
			return invalid("Invalid tag pattern provided. Total number of * must not exceed 4")
		}
	}
	return nil
}

func checkUntagged(drafts []draft) error {
	seen := map[StorageClass]bool{}
	for _, d := range drafts {
		if d.tagStatus != Untagged {
			continue
		}
		if seen[d.class()] {
			return invalid("Only one rule can select Untagged images per storage class.")
		}
		seen[d.class()] = true
	}
	return nil
}

func checkAny(drafts []draft) error {
	seen := map[StorageClass]int32{}
	for _, d := range drafts {
		if d.tagStatus != Any {
			continue
		}
		if _, ok := seen[d.class()]; ok {
			return invalid("Only one rule can specify tagStatus=ANY")
		}
		seen[d.class()] = d.priority
	}
	for _, d := range drafts {
		if last, ok := seen[d.class()]; ok && d.priority > last {
			return invalid("Rule for tagStatus=ANY must have the lowest priority per storage class")
		}
	}
	return nil
}

// checkPrefixLists compares the lists as sets.
func checkPrefixLists(drafts []draft) error {
	seen := map[string]bool{}
	for _, d := range drafts {
		if d.prefixes == nil {
			continue
		}
		set := slices.Compact(slices.Sorted(slices.Values(d.prefixes)))
		key := string(d.class()) + quoted(set)
		if seen[key] {
			return invalid("Only one rule can specify the same tagPrefixList per storage class")
		}
		seen[key] = true
	}
	return nil
}

const minTransitionedDays = 90

func checkCount(d draft) error {
	if d.countType != SinceImageTransitioned {
		switch {
		case d.class() != Standard:
			return invalid("SINCE_IMAGE_PUSHED, SINCE_IMAGE_PULLED and IMAGE_COUNT_MORE_THAN support the STANDARD storage class only")
		case d.countType == SinceImagePulled && d.action != Transition:
			return invalid("SINCE_IMAGE_PULLED supports the TRANSITION action only")
		}
		return nil
	}
	switch {
	case d.class() != Archive:
		return invalid("SINCE_IMAGE_TRANSITIONED supports the ARCHIVE storage class only")
	case d.action != Expire:
		return invalid("SINCE_IMAGE_TRANSITIONED supports the EXPIRE action only")
	case d.countNumber < minTransitionedDays:
		return invalid("SINCE_IMAGE_TRANSITIONED requires a countNumber of at least 90")
	}
	return nil
}

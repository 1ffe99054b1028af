// Package quota names what there may be only so much of, with the figures of
// Amazon ECR's service quotas and two quotas that ECR lacks, on storage.
//
// It is pure: what there is and what is refused is decided in package registry,
// and rates are measured in package ratelimit.
package quota

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A Name names a quota.
type Name string

// The quotas on what there is. Those on storage are ours.
const (
	Repositories        Name = "repositories" // of an account in a region
	ImagesPerRepository Name = "images-per-repository"
	TagsPerImage        Name = "tags-per-image"
	LayerSize           Name = "layer-size"         // bytes
	LayerParts          Name = "layer-parts"        // of UploadLayerPart, in an upload
	RepositoryStorage   Name = "repository-storage" // bytes of layers and manifests
	AccountStorage      Name = "account-storage"    // the same, of all repositories
)

// AnonymousPulls is the rate at which one source address may pull manifests
// without signing in.
const AnonymousPulls Name = "rate-anonymous-pull"

// ratePrefix begins the names of quotas on requests per second.
const ratePrefix = "rate-"

// Rate returns the quota on how often per second an account may call an
// operation of ECR in a region.
func Rate(operation string) Name { return Name(ratePrefix + operation) }

// IsRate reports whether a quota is on requests per second.
func (n Name) IsRate() bool { return strings.HasPrefix(string(n), ratePrefix) }

// Unlimited is the value of a quota that limits nothing.
const Unlimited int64 = -1

// A Unit is what a quota counts.
type Unit string

// The units.
const (
	Count     Unit = "count"
	Bytes     Unit = "bytes"
	PerSecond Unit = "per-second"
)

// A Quota is what is known of a quota before anyone sets it.
type Quota struct {
	Name Name
	Unit Unit
	// ECR is Amazon's figure (service quotas of the ECR user guide; the pull
	// rate is that of ECR Public); Unlimited is none.
	ECR int64
	// Always says that ECR's figure holds whatever the server is set to: it
	// surprises nobody, and what is built on images relies on it.
	Always bool
	// OfRepository says that single repositories may have their own.
	OfRepository bool
}

const mebibyte = 1 << 20

var quotas = []Quota{
	{Name: Repositories, Unit: Count, ECR: 100_000},
	{Name: ImagesPerRepository, Unit: Count, ECR: 100_000, OfRepository: true},
	{Name: TagsPerImage, Unit: Count, ECR: 1000, Always: true, OfRepository: true},
	{Name: LayerSize, Unit: Bytes, ECR: 52_000 * mebibyte, OfRepository: true},
	{Name: LayerParts, Unit: Count, ECR: 4200, OfRepository: true},
	{Name: RepositoryStorage, Unit: Bytes, ECR: Unlimited, OfRepository: true},
	{Name: AccountStorage, Unit: Bytes, ECR: Unlimited},
	{Name: AnonymousPulls, Unit: PerSecond, ECR: 1},
	{Name: Rate("BatchCheckLayerAvailability"), Unit: PerSecond, ECR: 1000},
	{Name: Rate("BatchGetImage"), Unit: PerSecond, ECR: 2000},
	{Name: Rate("CompleteLayerUpload"), Unit: PerSecond, ECR: 100},
	{Name: Rate("GetAuthorizationToken"), Unit: PerSecond, ECR: 500},
	{Name: Rate("GetDownloadUrlForLayer"), Unit: PerSecond, ECR: 3000},
	{Name: Rate("InitiateLayerUpload"), Unit: PerSecond, ECR: 100},
	{Name: Rate("PutImage"), Unit: PerSecond, ECR: 10},
	{Name: Rate("UploadLayerPart"), Unit: PerSecond, ECR: 500},
}

// All returns every quota that has a figure, those on rates at the end.
func All() []Quota { return slices.Clone(quotas) }

// Find returns the quota of a name: one with a figure, or the rate of an
// operation for which Amazon publishes none.
func Find(n Name, isOperation func(string) bool) (Quota, bool) {
	if i := slices.IndexFunc(quotas, func(q Quota) bool { return q.Name == n }); i >= 0 {
		return quotas[i], true
	}
	operation, ok := strings.CutPrefix(string(n), ratePrefix)
	if !ok || !isOperation(operation) {
		return Quota{}, false
	}
	return Quota{Name: n, Unit: PerSecond, ECR: Unlimited}, true
}

// Default returns the value of a quota that nobody has set, with ECR's figures
// or without.
func (q Quota) Default(ecr bool) int64 {
	if ecr || q.Always {
		return q.ECR
	}
	return Unlimited
}

// Check says what is wrong with a value for the quota.
func (q Quota) Check(value int64) error {
	if value < Unlimited {
		return fmt.Errorf("the value must be 0 or more, or %d for no limit", Unlimited)
	}
	if q.Unit == PerSecond && value > math.MaxInt32 {
		return fmt.Errorf("the value must be at most %d requests per second, or %d for no limit", math.MaxInt32, Unlimited)
	}
	return nil
}

// Limits are the values of the quotas on what there is.
type Limits struct {
	Repositories, Images, Tags, LayerSize, LayerParts, RepositoryStorage, AccountStorage int64
}

// Defaults returns the limits where nobody has set any.
func Defaults(ecr bool) (l Limits) {
	for _, q := range quotas {
		l.Set(q.Name, q.Default(ecr))
	}
	return l
}

// Set gives a quota a value. Names of other quotas change nothing.
func (l *Limits) Set(n Name, value int64) {
	if field := l.field(n); field != nil {
		*field = value
	}
}

// Get returns the value of a quota on what there is.
func (l *Limits) Get(n Name) (value int64, ok bool) {
	field := l.field(n)
	if field == nil {
		return 0, false
	}
	return *field, true
}

func (l *Limits) field(n Name) *int64 {
	switch n {
	case Repositories:
		return &l.Repositories
	case ImagesPerRepository:
		return &l.Images
	case TagsPerImage:
		return &l.Tags
	case LayerSize:
		return &l.LayerSize
	case LayerParts:
		return &l.LayerParts
	case RepositoryStorage:
		return &l.RepositoryStorage
	case AccountStorage:
		return &l.AccountStorage
	}
	return nil
}

// Exceeds reports whether there is more of something than a limit allows.
func Exceeds(n, limit int64) bool { return limit != Unlimited && n > limit }

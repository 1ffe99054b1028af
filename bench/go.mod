// The benchmark: nifuda beside its peers, in one run. A module of its own, so
// that what it needs is no dependency of the product.
module github.com/nifuda/nifuda/bench

go 1.26.0

require (
	github.com/aws/aws-sdk-go-v2 v1.47.7
	golang.org/x/sys v0.50.0
)

require github.com/aws/smithy-go v1.28.8 // indirect

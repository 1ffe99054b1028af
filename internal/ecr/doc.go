// Package ecr is the vocabulary of the Amazon ECR API: the requests and
// responses of its 62 operations, the table that binds them to a [Service], its
// errors, and the validation of requests in ECR's words.
//
// Everything else in it is generated from the model of the API. It knows no
// wire format and imports nothing of ours: a front implements [Service] and
// hands [Operations] to the package of the protocol.
//
// # Values, pointers, lists
//
// A pointer stands where absence means something: an optional member, or a
// required one whose zero value is legal too. Validate guarantees that
// whatever is required is there, so a front may follow the pointer of a
// required member. A required string that may not be empty is a plain string.
// In responses strings and times are plain too, and omitted when empty; numbers
// and booleans are pointers unless the model requires them.
//
// A nil list is absent, an empty one is sent as []. Where ECR always sends a
// list, such as the failures of a batch, make it:
//
//	&ecr.DescribeRepositoriesResponse{Repositories: []ecr.Repository{}}
package ecr

//go:generate go run ../gen -model ../gen/models/ecr-2015-09-21.json -package ecr -o .

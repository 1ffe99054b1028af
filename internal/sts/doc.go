// Package sts is the vocabulary of the AWS STS API: the requests and responses
// of its operations, the table that binds them to a [Service], its errors, and
// the validation of requests. Package ecr says how to read it.
package sts

//go:generate go run ../gen -model ../gen/models/sts-2011-06-15.json -package sts -o .

// Package awsiam is the vocabulary of the AWS IAM API: the requests and
// responses of its operations, the table that binds them to a [Service], its
// errors, and the validation of requests. Package ecr says how to read it.
//
// Policies and decisions are not here but in package iam.
package awsiam

//go:generate go run ../gen -model ../gen/models/iam-2010-05-08.json -package awsiam -o .

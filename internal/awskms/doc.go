// Package awskms is the vocabulary of the AWS Key Management Service: the
// requests and responses of its operations, the table that binds them to a
// [Service], its errors, and the validation of requests. Package ecr says how to
// read it.
//
// Keys and what they do are not here but in package kms.
package awskms

//go:generate go run ../gen -model ../gen/models/kms-2014-11-01.json -package awskms -o .

// Package nifuda is the vocabulary of nifuda's own API, for what the APIs of AWS
// have no operation for: the requests and responses of its operations, the table
// that binds them to a [Service], its errors, and the validation of requests.
// Package ecr says how to read it; the model is for clients too, see
// models/ of the project.
package nifuda

//go:generate go run ../gen -model ../../models/nifuda-2026-11-22.json -package nifuda -o .

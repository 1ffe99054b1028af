// Package event holds the events that a registry tells the world, in the form
// of Amazon EventBridge. It is pure: storing and delivering them is for others.
package event

import (
	"encoding/json"
	"fmt"
	"time"
)

const source = "aws.ecr"

// A Detail is the body of one type of event.
type Detail interface {
	// DetailType names the type, as "ECR Image Action".
	DetailType() string
}

// An Envelope is an event as it is delivered (EventBridge, "event structure").
// It survives encoding and decoding.
type Envelope struct {
	Version    string `json:"version"`
	ID         string `json:"id"`
	DetailType string `json:"detail-type"`
	Source     string `json:"source"`
	Account    string `json:"account"`
	// Time is in UTC and whole seconds.
	Time   time.Time `json:"time"`
	Region string    `json:"region"`
	// Resources are ARNs; image actions have none, and then it is an empty list.
	Resources []string        `json:"resources"`
	Detail    json.RawMessage `json:"detail"`
}

// New puts a detail into an envelope. The id is the event's UUID, the account
// and region are those of the registry, the resources are ARNs.
func New(id string, at time.Time, account, region string, detail Detail, resources ...string) (Envelope, error) {
	body, err := json.Marshal(detail)
	if err != nil {
		return Envelope{}, fmt.Errorf("encode %s: %w", detail.DetailType(), err)
	}
	return Envelope{
		Version:    "0",
		ID:         id,
		DetailType: detail.DetailType(),
		Source:     source,
		Account:    account,
		Time:       at.UTC().Truncate(time.Second),
		Region:     region,
		Resources:  append([]string{}, resources...),
		Detail:     body,
	}, nil
}

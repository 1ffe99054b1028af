package awsiam_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/awsiam"
)

func TestARefusalNamesEveryBrokenConstraintWithItsValue(t *testing.T) {
	const detected = " failed to satisfy constraint: "
	tests := []struct {
		name string
		in   awsiam.Request
		want string
	}{
		{
			"pattern", &awsiam.CreateUserRequest{UserName: "a b"},
			"1 validation error detected: Value 'a b' at 'userName'" + detected +
				`Member must satisfy regular expression pattern: [\w+=,.@-]+`,
		},
		{
			"absent", &awsiam.CreateUserRequest{},
			"1 validation error detected: Value null at 'userName'" + detected + "Member must not be null",
		},
		{
			"two members", &awsiam.CreateUserRequest{UserName: "a b", Path: new("x")},
			"2 validation errors detected: Value 'x' at 'path'" + detected +
				`Member must satisfy regular expression pattern: (\u002F)|(\u002F[\u0021-\u007E]+\u002F)` +
				"; Value 'a b' at 'userName'" + detected + `Member must satisfy regular expression pattern: [\w+=,.@-]+`,
		},
		{
			"number", &awsiam.ListUsersRequest{MaxItems: new(int32(1001))},
			"1 validation error detected: Value '1001' at 'maxItems'" + detected + "Member must have value less than or equal to 1000",
		},
		{
			"structure in a list", &awsiam.TagUserRequest{UserName: "ann", Tags: []awsiam.Tag{{Key: "k", Value: new("v")}, {Key: "k"}}},
			"1 validation error detected: Value null at 'tags.2.member.value'" + detected + "Member must not be null",
		},
		{
			"secret", &awsiam.CreateLoginProfileRequest{UserName: new("ann"), Password: new(strings.Repeat("secret", 30))},
			"1 validation error detected: Value at 'password'" + detected + "Member must have length less than or equal to 128",
		},
		{
			"elements", &awsiam.UntagUserRequest{UserName: "ann", TagKeys: []string{"a", ""}},
			"1 validation error detected: Value '[a, ]' at 'tagKeys'" + detected +
				"Member must satisfy constraint: [Member must have length less than or equal to 128, " +
				`Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+]`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.in.Validate()
			refusal, ok := errors.AsType[*awsiam.Error](err)
			if !ok {
				t.Fatalf("got %v, want a refusal", err)
			}
			if refusal.Code != "ValidationError" || refusal.Status != 400 || refusal.Message != test.want {
				t.Errorf("got %s %d %s\nwant %s", refusal.Code, refusal.Status, refusal.Message, test.want)
			}
		})
	}
}

func TestWhatARefusalRepeatsIsShort(t *testing.T) {
	err := (&awsiam.CreateUserRequest{UserName: strings.Repeat("ü", 1<<20)}).Validate()
	if err == nil || len(err.Error()) > 4096 {
		t.Errorf("the refusal has %d bytes", len(err.Error()))
	}
}

func TestManyBadElementsAreNotAllListed(t *testing.T) {
	err := (&awsiam.TagUserRequest{UserName: "ann", Tags: make([]awsiam.Tag, 50)}).Validate()
	if err == nil || len(err.Error()) > 4096 {
		t.Errorf("the refusal has %d bytes", len(err.Error()))
	}
}

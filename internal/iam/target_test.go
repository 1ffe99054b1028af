package iam_test

import (
	"testing"

	"github.com/nifuda/nifuda/internal/iam"
)

func TestDocumentsTellWhatTheyDependOn(t *testing.T) {
	const plain = `"Effect":"Allow","Principal":"*","Action":"ecr:*"`
	tests := []struct {
		name, policy          string
		conditional, mentions bool
	}{
		{"plain", `{"Version":"2012-10-17","Statement":{` + plain + `}}`, false, false},
		{"other key", `{"Version":"2012-10-17","Statement":{` + plain + `,"Condition":{"StringLike":{"aws:username":"a*"}}}}`, true, false},
		{"the key", `{"Version":"2012-10-17","Statement":{` + plain + `,"Condition":{"StringLike":{"nifuda:ImageTag":"prod-*"}}}}`, true, true},
		{"the key, in other case", `{"Statement":{` + plain + `,"Condition":{"Null":{"NIFUDA:imageTag":"true"}}}}`, true, true},
		{"as a variable's value", `{"Version":"2012-10-17","Statement":{` + plain + `,"Condition":{"StringEquals":{"aws:username":"${nifuda:ImageTag}"}}}}`, true, true},
		{"as a variable of a resource", `{"Version":"2012-10-17","Statement":{` + plain + `,"Resource":"arn:aws:ecr:*:*:repository/${nifuda:ImageTag}"}}`, true, true},
		{"as text of 2008", `{"Version":"2008-10-17","Statement":{` + plain + `,"Condition":{"StringEquals":{"aws:username":"${nifuda:ImageTag}"}}}}`, true, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d, err := iam.ParseRepositoryPolicy(test.policy)
			if err != nil {
				t.Fatal(err)
			}
			if got := d.IsConditional(); got != test.conditional {
				t.Errorf("conditional: %t", got)
			}
			if got := d.Mentions(iam.ImageTag); got != test.mentions {
				t.Errorf("mentions: %t", got)
			}
		})
	}
}

package authn_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/authn"
)

func TestHostRegistry(t *testing.T) {
	const account = "123456789012"
	tests := []struct {
		host, region string
	}{
		{"123456789012.dkr.ecr.us-east-1.amazonaws.com", "us-east-1"},
		{"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn:443", "cn-north-1"},
		{"123456789012.dkr-ecr.eu-west-1.on.aws", "eu-west-1"},
		{"123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
		{"123456789012.dkr-ecr-fips.us-east-1.on.aws", "us-east-1"},
		{"123456789012.dkr.ecr.us-east-1.localhost:5050", "us-east-1"},
		{"123456789012.DKR.ECR.US-EAST-1.Example.COM", "us-east-1"},
		{"123456789012.dkr.ecr.us-east-1", ""},
		{"123456789012.dkr.ecr.us-east-1.", ""},
		{"123456789012.dkr.ecr.us-east-1.:5050", ""},
		{"12345678901.dkr.ecr.us-east-1.amazonaws.com", ""},
		{"1234567890123.dkr.ecr.us-east-1.amazonaws.com", ""},
		{"12345678901x.dkr.ecr.us-east-1.amazonaws.com", ""},
		{"123456789012.dkr.ecr.nowhere.amazonaws.com", ""},
		{"123456789012.dkr_ecr.us-east-1.amazonaws.com", ""},
		{"x.123456789012.dkr.ecr.us-east-1.amazonaws.com", ""},
		{"api.ecr.us-east-1.amazonaws.com", ""},
		{"localhost:5050", ""},
		{"[::1]:5050", ""},
		{"", ""},
	}
	for _, test := range tests {
		gotAccount, gotRegion, ok := authn.HostRegistry(test.host)
		if ok != (test.region != "") || gotRegion != test.region || ok && gotAccount != account {
			t.Errorf("%q: got %q, %q, %t", test.host, gotAccount, gotRegion, ok)
		}
	}
}

var regionPattern = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)

func FuzzHostRegistry(f *testing.F) {
	f.Add("123456789012.dkr.ecr.us-east-1.amazonaws.com:443")
	f.Add("123456789012.dkr-ecr-fips.us-gov-east-1.on.aws")
	f.Add("....")
	f.Fuzz(func(t *testing.T, host string) {
		account, region, ok := authn.HostRegistry(host)
		if ok && (!strings.HasPrefix(host, account+".") || !regionPattern.MatchString(region)) {
			t.Errorf("%q gives %q, %q", host, account, region)
		}
	})
}

func FuzzIsRegion(f *testing.F) {
	for _, seed := range []string{"us-east-1", "us-gov-west-1", "eusc-de-east-1", "us-1", "us--1", "-", "", "us-east-11", "us-east-", "US-east-1", "us-e4st-1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if want := len(name) <= 63 && regionPattern.MatchString(name); authn.IsRegion(name) != want {
			t.Errorf("%q: got %t", name, !want)
		}
	})
}

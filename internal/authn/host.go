package authn

import (
	"strings"
)

// HostRegistry returns the registry that a host names, when the host has the
// shape of ECR's: <12 digits>.dkr.ecr.<region>.<anything>, the dual-stack form
// <12 digits>.dkr-ecr.<region>.<anything>, and -fips behind ecr in both, in any
// case, with or without a port. Any other host names no registry: ok is false.
func HostRegistry(host string) (account, region string, ok bool) {
	account, rest, ok := strings.Cut(hostname(host), ".")
	if !ok || !IsAccount(account) {
		return "", "", false
	}
	rest, ok = cutService(strings.ToLower(rest))
	if !ok {
		return "", "", false
	}
	region, suffix, _ := strings.Cut(rest, ".")
	if suffix == "" || !IsRegion(region) {
		return "", "", false
	}
	return account, region, true
}

// hostname drops the port. An IPv6 address loses more, and is no registry either way.
func hostname(host string) string {
	name, _, _ := strings.Cut(host, ":")
	return name
}

func cutService(host string) (rest string, ok bool) {
	for _, service := range [...]string{"dkr.ecr.", "dkr-ecr.", "dkr.ecr-fips.", "dkr-ecr-fips."} {
		if rest, ok := strings.CutPrefix(host, service); ok {
			return rest, true
		}
	}
	return "", false
}

package ecrapi

import (
	"net"
	"net/http"
	"strings"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/registry"
)

// An endpoint is where a call came in, and so an address that its caller can
// reach.
type endpoint struct {
	scheme string
	host   string // with the port, if it has one
}

func (e endpoint) url() string { return e.scheme + "://" + e.host }

func endpointOf(r *http.Request) endpoint {
	e := endpoint{scheme: "http", host: r.Host}
	if httpx.RecordOf(r.Context()).Secure {
		e.scheme = "https"
	}
	return e
}

// endpointFor returns where the caller reaches a registry: under the domain, if
// there is one; in ECR's form, if that is how the API was called; else where
// the call came in.
func (a *api) endpointFor(c caller, id registry.ID) endpoint {
	e := c.endpoint
	suffix := hostSuffix(e.host)
	if a.domain != "" {
		suffix = a.domain + port(e.host)
	}
	if suffix != "" {
		e.host = id.Account + ".dkr.ecr." + id.Region + "." + suffix
	}
	return e
}

// port returns the colon and the port of a host, if it has one: names under the
// domain lead to the same listener.
func port(host string) string {
	if _, port, err := net.SplitHostPort(host); err == nil {
		return ":" + port
	}
	return ""
}

// hostSuffix returns what follows the region in a host that has the shape of
// ECR's API (spec A.1) or of a registry, such as amazonaws.com:5050; it is
// empty for every other host.
func hostSuffix(host string) string {
	host = strings.ToLower(host)
	if _, region, ok := authn.HostRegistry(host); ok {
		_, suffix, _ := strings.Cut(host, "."+region+".")
		return suffix
	}
	host = strings.TrimPrefix(host, "api.")
	for _, service := range [...]string{"ecr.", "ecr-fips."} {
		rest, ok := strings.CutPrefix(host, service)
		if !ok {
			continue
		}
		if region, suffix, _ := strings.Cut(rest, "."); authn.IsRegion(region) {
			return suffix
		}
	}
	return ""
}

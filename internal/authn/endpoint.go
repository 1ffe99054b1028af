package authn

import (
	"net"
	"net/http"
	"strings"

	"github.com/nifuda/nifuda/internal/httpx"
)

// An Endpoint is where a call came in, and so an address that its caller can
// reach.
type Endpoint struct {
	Scheme string
	Host   string // with the port, if it has one
}

// EndpointOf returns where a request came in.
func EndpointOf(r *http.Request) Endpoint {
	e := Endpoint{Scheme: "http", Host: r.Host}
	if httpx.RecordOf(r.Context()).Secure {
		e.Scheme = "https"
	}
	return e
}

// URL is the address of the endpoint.
func (e Endpoint) URL() string { return e.Scheme + "://" + e.Host }

// OfRegistry returns where the caller reaches a registry: under the domain, if
// there is one; in ECR's form, if that is how the API was called; else where
// the call came in.
func (e Endpoint) OfRegistry(account, region, domain string) Endpoint {
	suffix := hostSuffix(e.Host)
	if domain != "" {
		suffix = domain + port(e.Host)
	}
	if suffix != "" {
		e.Host = account + ".dkr.ecr." + region + "." + suffix
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
	if _, region, ok := HostRegistry(host); ok {
		_, suffix, _ := strings.Cut(host, "."+region+".")
		return suffix
	}
	host = strings.TrimPrefix(host, "api.")
	for _, service := range [...]string{"ecr.", "ecr-fips."} {
		rest, ok := strings.CutPrefix(host, service)
		if !ok {
			continue
		}
		if region, suffix, _ := strings.Cut(rest, "."); IsRegion(region) {
			return suffix
		}
	}
	return ""
}

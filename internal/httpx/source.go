package httpx

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the addresses of the proxies and load balancers whose word on
// where a request came from is believed. Everybody else's is ignored: a client
// could say anything.
type Proxies []netip.Prefix

func (p Proxies) trust(address netip.Addr) bool {
	return slices.ContainsFunc(p, func(prefix netip.Prefix) bool { return prefix.Contains(address) })
}

// locate finds out who sent a request and whether over TLS: what the connection
// says, or, if a trusted proxy is at its other end, what that says in
// X-Forwarded-For and X-Forwarded-Proto.
func (p Proxies) locate(r *http.Request) (source netip.Addr, secure bool) {
	source, secure = addressOf(r.RemoteAddr), r.TLS != nil
	if len(p) == 0 || !p.trust(source) {
		return source, secure
	}
	if schemes := forwarded(r, "X-Forwarded-Proto"); len(schemes) > 0 {
		secure = strings.EqualFold(schemes[len(schemes)-1], "https")
	}
	// Each proxy adds at the end whom it heard from. What is before the first
	// word of a trusted one is the client's own invention.
	for _, hop := range slices.Backward(forwarded(r, "X-Forwarded-For")) {
		address := addressOf(hop)
		if !address.IsValid() {
			break
		}
		source = address
		if !p.trust(address) {
			break
		}
	}
	return source, secure
}

// forwarded returns the elements of a header that proxies append to, in order.
func forwarded(r *http.Request, header string) []string {
	var elements []string
	for _, line := range r.Header[header] {
		for element := range strings.SplitSeq(line, ",") {
			elements = append(elements, strings.TrimSpace(element))
		}
	}
	return elements
}

// addressOf reads an IP address with or without a port, an IPv4 one as such
// even where IPv6 wraps it. The zero address stands for anything else.
func addressOf(text string) netip.Addr {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone("")
	}
	address, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return address.Unmap().WithZone("")
}

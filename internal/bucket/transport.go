package bucket

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// Connections: many transfers go on at the same time, and each wants one that is
// open already.
const (
	dialTimeout      = 10 * time.Second
	handshakeTimeout = 10 * time.Second
	idleTimeout      = 30 * time.Second
	keptConnections  = 128
	mostConnections  = 512
	socketBuffer     = 64 << 10
)

// newHTTPClient gives up what is silent for too long: a dial, a handshake, an
// answer that does not come, a body that stops in the middle, in either
// direction. Redirects are answers like others: none is to be followed without a
// new signature. Of the settings it takes the certificates that are trusted.
func newHTTPClient(settings aws.Config, silence time.Duration) *http.Client {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if configured, ok := settings.HTTPClient.(*awshttp.BuildableClient); ok {
		transport = configured.GetTransport()
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &impatient{c, silence}, nil
	}
	transport.ForceAttemptHTTP2 = false
	transport.TLSHandshakeTimeout = handshakeTimeout
	transport.ResponseHeaderTimeout = silence
	transport.ExpectContinueTimeout = time.Second
	transport.IdleConnTimeout = min(idleTimeout, silence)
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost, transport.MaxConnsPerHost = keptConnections, keptConnections, mostConnections
	transport.ReadBufferSize, transport.WriteBufferSize = socketBuffer, socketBuffer
	transport.DisableCompression = true
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// An impatient connection ends when nothing moves on it while it is read or
// written. Who writes is not yet answered: a write gives reading new time too.
type impatient struct {
	net.Conn
	silence time.Duration
}

func (c *impatient) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *impatient) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		if err := c.SetDeadline(time.Now().Add(c.silence)); err != nil {
			return n, err
		}
		k, err := c.Conn.Write(p[:min(len(p), socketBuffer)])
		n += k
		if err != nil {
			return n, err
		}
		p = p[k:]
	}
	return n, nil
}

// A backoff waits at least as long as the server asks for.
type backoff struct {
	*retry.ExponentialJitterBackoff
}

func (b backoff) BackoffDelay(attempt int, err error) (time.Duration, error) {
	delay, failed := b.ExponentialJitterBackoff.BackoffDelay(attempt, err)
	return max(delay, retryAfter(err)), failed
}

// retryAfter returns what an answer asks to wait, as far as anybody waits for it.
func retryAfter(err error) time.Duration {
	response := responseOf(err)
	if response == nil {
		return 0
	}
	seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxBackoff)
}

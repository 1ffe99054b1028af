package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"slices"
	"strconv"
	"strings"
)

// A conn is one keep-alive connection to a server: HTTP/1.1 as cheaply as it
// can be sent and read, because the client shares the machine's cores with the
// server that it measures.
type conn struct {
	net.Conn
	in     *bufio.Reader
	host   string // a header line of each request
	login  string // one of each request to /v2/
	extra  string // header lines of each request
	out    []byte
	buffer []byte // takes what is read of bodies
	keep   bool   // bodies are wanted, not only those of refusals
	closed bool   // the server closes the connection after each answer
}

// An answer is what a conn keeps of a response.
type answer struct {
	status   int
	location string
	next     string // the path of the next page
	length   int64  // bytes of the body that were read
	body     []byte
}

// dial connects to a server, or to one of its nodes.
func dial(s *server) (*conn, error) {
	c, err := net.Dial("tcp", s.nextAddress())
	if err != nil {
		return nil, err
	}
	login := ""
	if s.login != "" {
		login = "Authorization: " + s.login + "\r\n"
	}
	return &conn{Conn: c, in: bufio.NewReaderSize(c, 64<<10), host: "Host: " + s.address + "\r\n", login: login, buffer: make([]byte, 256<<10)}, nil
}

// do sends a request with a body of known length and reads the answer. header
// is whole lines.
func (c *conn) do(method, path, header string, body []byte) (answer, error) {
	if err := c.reopen(); err != nil {
		return answer{}, err
	}
	c.head(method, path, header)
	if body != nil || method == "PUT" || method == "POST" || method == "PATCH" {
		c.out = append(c.out, "Content-Length: "...)
		c.out = strconv.AppendInt(c.out, int64(len(body)), 10)
		c.out = append(c.out, "\r\n"...)
	}
	c.out = append(c.out, "\r\n"...)
	c.out = append(c.out, body...)
	if _, err := c.Write(c.out); err != nil {
		return answer{}, err
	}
	return c.read(method)
}

// reopen dials again where the last answer ended the connection.
func (c *conn) reopen() error {
	if !c.closed {
		return nil
	}
	c.Close()
	next, err := net.Dial("tcp", c.RemoteAddr().String())
	if err != nil {
		return err
	}
	c.Conn, c.closed = next, false
	c.in.Reset(next)
	return nil
}

// chunked sends a body as docker does, in chunks of 32 KiB, and reads the answer.
func (c *conn) chunked(method, path, header string, body io.Reader) (answer, error) {
	c.head(method, path, header)
	c.out = append(c.out, "Transfer-Encoding: chunked\r\n\r\n"...)
	if _, err := c.Write(c.out); err != nil {
		return answer{}, err
	}
	w := bufio.NewWriterSize(c, 36<<10)
	chunks := httputil.NewChunkedWriter(w)
	if _, err := io.CopyBuffer(struct{ io.Writer }{chunks}, body, c.buffer[:32<<10]); err != nil {
		return answer{}, err
	}
	if err := chunks.Close(); err != nil {
		return answer{}, err
	}
	if _, err := w.WriteString("\r\n"); err != nil {
		return answer{}, err
	}
	if err := w.Flush(); err != nil {
		return answer{}, err
	}
	return c.read(method)
}

// sized is do for a large body.
func (c *conn) sized(method, path, header string, body io.Reader, length int64) (answer, error) {
	c.head(method, path, header)
	c.out = fmt.Appendf(c.out, "Content-Length: %d\r\n\r\n", length)
	if _, err := c.Write(c.out); err != nil {
		return answer{}, err
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{c.Conn}, struct{ io.Reader }{body}, c.buffer); err != nil {
		return answer{}, err
	}
	return c.read(method)
}

func (c *conn) head(method, path, header string) {
	c.out = append(c.out[:0], method...)
	c.out = append(c.out, ' ')
	c.out = append(c.out, path...)
	c.out = append(c.out, " HTTP/1.1\r\n"...)
	c.out = append(c.out, c.host...)
	if strings.HasPrefix(path, "/v2/") {
		c.out = append(c.out, c.login...)
	}
	c.out = append(c.out, c.extra...)
	c.out = append(c.out, header...)
}

// read reads an answer.
func (c *conn) read(method string) (answer, error) {
	var a answer
	length, chunked := int64(0), false
	for first := true; ; first = false {
		slice, err := c.in.ReadSlice('\n')
		if err != nil {
			return a, err
		}
		line := strings.TrimRight(string(slice), "\r\n")
		if first {
			if len(line) < 12 {
				return a, fmt.Errorf("malformed answer %q", line)
			}
			if a.status, err = strconv.Atoi(line[9:12]); err != nil {
				return a, err
			}
			continue
		}
		if line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ": ")
		switch {
		case strings.EqualFold(name, "Content-Length"):
			if length, err = strconv.ParseInt(value, 10, 64); err != nil {
				return a, err
			}
		case strings.EqualFold(name, "Connection"):
			c.closed = strings.EqualFold(value, "close")
		case strings.EqualFold(name, "Location"):
			a.location = value
		case strings.EqualFold(name, "Link"):
			a.next, _, _ = strings.Cut(strings.TrimPrefix(value, "<"), ">")
		case strings.EqualFold(name, "Transfer-Encoding"):
			chunked = true
		}
	}
	if method == "HEAD" || a.status == 204 || a.status == 304 {
		return a, nil
	}
	body := io.LimitReader(c.in, length)
	if chunked {
		body = httputil.NewChunkedReader(c.in)
	}
	for {
		n, err := body.Read(c.buffer)
		if c.keep || a.status >= 300 && len(a.body) < 4<<10 {
			a.body = append(a.body, c.buffer[:n]...)
		}
		a.length += int64(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return a, err
		}
	}
	if chunked { // the empty line after the last chunk
		_, err := c.in.ReadSlice('\n')
		return a, err
	}
	if a.length < length {
		return a, io.ErrUnexpectedEOF
	}
	return a, nil
}

// want returns an error unless an answer has one of the statuses.
func (a answer) want(statuses ...int) error {
	if slices.Contains(statuses, a.status) {
		return nil
	}
	return fmt.Errorf("status %d, want %v: %.300s", a.status, statuses, a.body)
}

// path is the location without scheme and host.
func (a answer) path() string {
	if rest, ok := strings.CutPrefix(a.location, "http://"); ok {
		_, path, _ := strings.Cut(rest, "/")
		return "/" + path
	}
	return a.location
}

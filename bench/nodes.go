package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// clusters are contenders of one node of nifuda, of two, and so on, each with a
// PostgreSQL and an S3 server of its own. The clients' connections are spread over
// the nodes, as a balancer does.
func (s settings) clusters() (found []contender) {
	for n := range s.nodes {
		name := fmt.Sprintf("%d nodes", n+1)
		if n == 0 {
			name = "1 node"
		}
		found = append(found, contender{name: name, protocols: []string{distribution, ecrAPI}, ready: "/readyz", nodes: n + 1})
	}
	return found
}

// startCluster starts the engines and the nodes of a contender.
func (s settings) startCluster(ctx context.Context, c contender) (first *server, err error) {
	dir, err := os.MkdirTemp("", "nifuda-bench-")
	if err != nil {
		return nil, err
	}
	first = &server{contender: c, dir: dir, underLoad: func() {}, rate: s.rate * float64(c.nodes)}
	if first.engines, err = startEngines(ctx, s.s3, dir); err != nil {
		first.stop()
		return nil, err
	}
	first.command = func(dir, address string) *exec.Cmd { return s.nodeCommand(first.engines, dir, address) }
	if err := first.launch(ctx); err != nil {
		first.stop()
		return nil, err
	}
	for range c.nodes - 1 {
		other, err := s.startNode(ctx, first)
		if err != nil {
			first.stop()
			return nil, err
		}
		first.others = append(first.others, other)
	}
	if first.login, err = logIn(first); err != nil {
		first.stop()
		return nil, err
	}
	return first, nil
}

// startNode starts one more node beside the first.
func (s settings) startNode(ctx context.Context, first *server) (*server, error) {
	dir, err := os.MkdirTemp("", "nifuda-bench-")
	if err != nil {
		return nil, err
	}
	other := &server{contender: first.contender, dir: dir, underLoad: func() {}}
	if err := other.launch(ctx); err != nil {
		other.stop()
		return nil, err
	}
	return other, nil
}

func (s settings) nodeCommand(e *engines, dir, address string) *exec.Cmd {
	command := s.nifudaCommand(dir, address)
	command.Args = append(command.Args, "--database", e.databaseURL, "--blobs", e.bucketURL, "--server-key", "env:SERVER_KEY", "--seal-keys", "database:")
	command.Env = append(command.Env, "SERVER_KEY="+serverKey, "AWS_ACCESS_KEY_ID="+bucketKey, "AWS_SECRET_ACCESS_KEY="+bucketSecret)
	return command
}

// A usage is the CPU time of all processes of a server.
type usage struct {
	nifuda, database, bucket time.Duration
}

// usage returns what was used so far.
func (s *server) usage() usage {
	u := usage{nifuda: s.cpu()}
	for _, other := range s.others {
		u.nifuda += other.cpu()
	}
	if s.engines != nil {
		u.database, u.bucket = processes(s.engines.database.Process.Pid), processes(s.engines.bucket.Process.Pid)
	}
	return u
}

// since is what was used after an earlier usage.
func (u usage) since(before usage) usage {
	return usage{u.nifuda - before.nifuda, u.database - before.database, u.bucket - before.bucket}
}

// nextAddress is where the next connection goes.
func (s *server) nextAddress() string {
	at := int(s.dialed.Add(1)) % (len(s.others) + 1)
	if at == 0 {
		return s.address
	}
	return s.others[at-1].address
}

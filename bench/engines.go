package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// engines are what the nodes of one installation share: PostgreSQL, which syncs as
// it does in production, and an S3 server on files.
type engines struct {
	database, bucket       *exec.Cmd
	databaseURL, bucketURL string
}

// The S3 server's credentials, and the server key of all nodes.
const (
	bucketKey    = "bench"
	bucketSecret = "bench-secret"
	serverKey    = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
)

// startEngines starts both with their data in dir.
func startEngines(ctx context.Context, s3, dir string) (*engines, error) {
	e := &engines{}
	if err := e.startDatabase(ctx, filepath.Join(dir, "postgres")); err != nil {
		e.stop()
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	if err := e.startBucket(ctx, s3, filepath.Join(dir, "s3")); err != nil {
		e.stop()
		return nil, fmt.Errorf("start the S3 server: %w", err)
	}
	return e, nil
}

func (e *engines) stop() {
	for _, process := range []*exec.Cmd{e.bucket, e.database} {
		if process == nil || process.Process == nil {
			continue
		}
		_ = process.Process.Signal(syscall.SIGINT) // PostgreSQL ends its sessions
		_ = process.Wait()                         // what it measured is read
	}
}

// startDatabase makes a cluster of PostgreSQL, which refuses to run as root.
func (e *engines) startDatabase(ctx context.Context, dir string) error {
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(programs) == 0 {
		return errors.New("PostgreSQL is missing (Debian: apt-get install postgresql)")
	}
	bin := filepath.Dir(slices.Max(programs))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	owner, err := databaseOwner(dir)
	if err != nil {
		return err
	}
	command := func(name string, args ...string) *exec.Cmd {
		c := exec.Command(filepath.Join(bin, name), args...)
		c.Dir, c.SysProcAttr = dir, &syscall.SysProcAttr{Credential: owner}
		return c
	}
	data := filepath.Join(dir, "data")
	if out, err := command("initdb", "--pgdata="+data, "--username=nifuda", "--auth=trust", "--encoding=UTF8", "--locale=C").CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(address)
	e.database = command("postgres", "-D", data, "-p", port, "-k", dir, "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200")
	if err := e.database.Start(); err != nil {
		return err
	}
	e.databaseURL = "postgres://nifuda@" + address + "/postgres?sslmode=disable"
	return awaitOpen(ctx, address)
}

// databaseOwner gives the directory, and the way to it, to whom PostgreSQL runs as.
func databaseOwner(dir string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil //nolint:nilnil // as who we are
	}
	owner, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, uidErr := strconv.ParseUint(owner.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(owner.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr, os.Chmod(filepath.Dir(dir), 0o711), os.Chown(dir, int(uid), int(gid))); err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func (e *engines) startBucket(ctx context.Context, program, dir string) error {
	root, sidecar := filepath.Join(dir, "root"), filepath.Join(dir, "sidecar") // not every file system has attributes
	for _, name := range []string{filepath.Join(root, "bench"), sidecar} {
		if err := os.MkdirAll(name, 0o700); err != nil {
			return err
		}
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	e.bucket = exec.Command(program, "--quiet", "--port", address, "--access", bucketKey, "--secret", bucketSecret, "posix", "--sidecar", sidecar, root)
	if err := e.bucket.Start(); err != nil {
		return err
	}
	e.bucketURL = "s3://bench/nifuda?endpoint=http://" + address + "&region=us-east-1&path-style=true&redirect=off"
	return awaitOpen(ctx, address)
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// awaitOpen waits until somebody listens.
func awaitOpen(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return errors.New("nobody listens")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// tick is the unit of CPU times in /proc, on every architecture of Linux today.
const tick = 10 * time.Millisecond

// processes returns the CPU time of a process and its children, those that have
// ended included: PostgreSQL has one for each connection.
func processes(pid int) (used time.Duration) {
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		id, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue // has ended
		}
		_, rest, _ := bytes.Cut(stat, []byte(") ")) // after the name
		fields := strings.Fields(string(rest))
		if id != pid && fields[1] != strconv.Itoa(pid) {
			continue
		}
		for _, field := range fields[11:15] { // utime, stime, and those of children
			ticks, _ := strconv.ParseInt(field, 10, 64)
			used += time.Duration(ticks) * tick
		}
	}
	return used
}

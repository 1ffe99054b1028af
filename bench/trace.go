package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A trace counts a server's calls that wait for the disk, with strace(1).
type trace struct {
	strace *exec.Cmd
	log    string
}

var errNoTrace = errors.New("strace is not installed")

func startTrace(on *server) (*trace, error) {
	if _, err := exec.LookPath("strace"); err != nil {
		return nil, errNoTrace
	}
	t := &trace{log: filepath.Join(on.dir, "strace")}
	t.strace = exec.Command("strace", "-f", "-e", "trace=fsync,fdatasync,sync_file_range,msync", "-o", t.log, "-p", strconv.Itoa(on.process.Process.Pid))
	var said bytes.Buffer
	t.strace.Stderr = &said
	if err := t.strace.Start(); err != nil {
		return nil, err
	}
	if err := awaitTracer(on.process.Process.Pid); err != nil {
		return nil, fmt.Errorf("%w: %s", err, &said)
	}
	return t, nil
}

// awaitTracer waits until all threads of a process are traced.
func awaitTracer(pid int) error {
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		statuses, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		if err != nil {
			return err
		}
		traced := 0
		for _, name := range statuses {
			if text, err := os.ReadFile(name); err == nil && !strings.Contains(string(text), "TracerPid:\t0\n") {
				traced++
			}
		}
		if traced == len(statuses) {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return errors.New("strace does not attach")
}

// end detaches and returns how many calls there were.
func (t *trace) end() (int, error) {
	if err := t.strace.Process.Signal(syscall.SIGINT); err != nil {
		return 0, err
	}
	_ = t.strace.Wait() // ends with the signal that it got
	text, err := os.ReadFile(t.log)
	return strings.Count(string(text), "sync(") - strings.Count(string(text), "resumed>"), err
}

func syncFilesystem(f *os.File) error { return unix.Syncfs(int(f.Fd())) }

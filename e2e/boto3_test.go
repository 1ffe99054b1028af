package e2e_test

import (
	"os/exec"
	"testing"
)

// TestBoto3: python/walk.py has the steps.
func TestBoto3(t *testing.T) {
	t.Parallel()
	const python = "/usr/bin/python3" // Debian's boto3 is for Debian's Python
	need(t, exec.Command(python, "-c", "import boto3").Run() == nil, "boto3 (Debian: apt-get install python3-boto3)")
	s := startServer(t)
	walk := command{args: []string{python, "python/walk.py"}, env: s.awsEnvironment()}
	if !s.secure { // Debian's boto3 may be too old to read the address from the configuration
		walk.args = append(walk.args, s.url())
	}
	walk.prints(t, "walked")
}

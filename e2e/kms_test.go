package e2e_test

import (
	"os/exec"
	"testing"
)

// TestKMSOperations: python/kms.py has the steps.
func TestKMSOperations(t *testing.T) {
	t.Parallel()
	python := ""
	for _, candidate := range []string{"python3", "/usr/bin/python3"} { // Debian's boto3 is for Debian's Python
		if exec.Command(candidate, "-c", "import boto3").Run() == nil {
			python = candidate
			break
		}
	}
	need(t, python != "", "boto3 (Debian: apt-get install python3-boto3)")
	s := startServer(t)
	walk := command{args: []string{python, "python/kms.py"}, env: s.awsEnvironment()}
	if !s.secure { // Debian's boto3 may be too old to read the address from the configuration
		walk.args = append(walk.args, s.url())
	}
	walk.prints(t, "walked through 31 operations")
}

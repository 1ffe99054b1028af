package e2e_test

import "testing"

// TestJavaScriptSDK: javascript/walk.js has the steps.
func TestJavaScriptSDK(t *testing.T) {
	t.Parallel()
	needProgram(t, "node", "nodejs")
	need(t, exists("javascript/node_modules"), "the AWS SDK for JavaScript (make clients installs it)")
	s := startServer(t)
	walk := command{args: []string{"node", "javascript/walk.js"}, env: append(s.awsEnvironment(), "AWS_SDK_LOAD_CONFIG=1")}
	walk.prints(t, "walked")
}

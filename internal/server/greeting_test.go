package server

import (
	"bytes"
	"net"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/cluster"
	"github.com/nifuda/nifuda/internal/config"
)

// What a server prints at its start can be used where it is copied to: of a node
// that only works in the background nothing can.
func TestGreetingNamesWhatTheNodeAnswers(t *testing.T) {
	for role, answersClients := range map[string]bool{cluster.RoleAll: true, cluster.RoleAPI: true, cluster.RoleWorker: false} {
		c := config.Default()
		c.Role = role
		s := newTestServer(c, testEnvironment)
		var printed bytes.Buffer
		s.Stdout = &printed
		s.greet(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5050})
		if got := strings.Contains(printed.String(), "docker login"); got != answersClients {
			t.Errorf("role %s prints %q", role, &printed)
		}
		if !strings.Contains(printed.String(), "serves on http://localhost:5050\n") {
			t.Errorf("role %s does not say where it serves: %q", role, &printed)
		}
	}
}

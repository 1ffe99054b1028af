package server

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v4"

	"github.com/nifuda/nifuda/internal/config"
	"github.com/nifuda/nifuda/internal/ops"
)

// exposed returns the names of the metrics of a server, and of the series that they
// have once there is something to show.
func exposed(t *testing.T) (metrics, series map[string]bool) {
	t.Helper()
	c := config.Default()
	c.OTLP = newReceiver(t).URL
	var registered *prometheus.Registry
	f := startServer(t, c, "sqlite:"+t.TempDir()+"/nifuda.db", func(s *server) { registered = s.metrics })
	f.pushImage()
	f.pushLayer()
	f.send(f.v2("GET", "/v2/app/manifests/latest", nil), http.StatusOK)
	metrics, series = map[string]bool{}, map[string]bool{}
	// What has nothing to show yet is described all the same.
	described := make(chan *prometheus.Desc)
	go func() {
		registered.Describe(described)
		close(described)
	}()
	for d := range described {
		_, name, _ := strings.Cut(d.String(), `fqName: "`)
		name, _, _ = strings.Cut(name, `"`)
		metrics[name], series[name] = true, true
	}
	w := httptest.NewRecorder()
	ops.Admin(registered).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if fields := strings.Fields(line); fields[0] == "#" {
			metrics[fields[2]] = true
		} else {
			name, _, _ := strings.Cut(fields[0], "{")
			series[name] = true
		}
	}
	if len(metrics) < 30 {
		t.Fatalf("%d metrics only:\n%s", len(metrics), w.Body)
	}
	return metrics, series
}

var (
	metricName  = regexp.MustCompile(`\b(nifuda|go|process)_[a-z0-9_]+\b`)
	metricOfOur = regexp.MustCompile("`(nifuda_[a-z0-9_]+)")
)

// elsewhere are metrics of servers that are set up in another way than the test's.
var elsewhere = regexp.MustCompile(`^nifuda_s3_`)

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestThePageOnTelemetryHasTheMetricsOfTheServer(t *testing.T) {
	metrics, _ := exposed(t)
	page := map[string]bool{}
	for _, match := range metricOfOur.FindAllStringSubmatch(readFile(t, "docs/telemetry.md"), -1) {
		page[match[1]] = true
	}
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		if strings.HasPrefix(name, "nifuda_") && !page[name] {
			t.Errorf("docs/telemetry.md lacks %s", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(page)) {
		if !metrics[name] && !elsewhere.MatchString(name) {
			t.Errorf("docs/telemetry.md has %s, which the server has not", name)
		}
	}
}

// expressions returns what the dashboard and the alerts ask of Prometheus, by
// where they do.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(readFile(t, "deploy/grafana/nifuda.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			all["panel "+p.Title+": "+target.Expr] = target.Expr
		}
	}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For string
				Labels           map[string]string
				Annotations      map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(readFile(t, "deploy/prometheus/alerts.yaml")), &rules); err != nil {
		t.Fatal(err)
	}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" || r.Expr == "" || r.Annotations["summary"] == "" || r.Labels["severity"] == "" {
				t.Errorf("incomplete alert %+v", r)
			}
			if !strings.Contains(readFile(t, "docs/telemetry.md"), "`"+r.Alert+"`") {
				t.Errorf("docs/telemetry.md does not say what to do about %s", r.Alert)
			}
			all["alert "+r.Alert] = r.Expr
		}
	}
	if len(all) < 30 {
		t.Fatalf("%d expressions only", len(all))
	}
	return all
}

func TestDashboardAndAlertsAskForMetricsThatThereAre(t *testing.T) {
	_, series := exposed(t)
	for place, expression := range expressions(t) {
		names := metricName.FindAllString(expression, -1)
		if len(names) == 0 && !strings.HasPrefix(expression, "up{") {
			t.Errorf("%s asks for nothing", place)
		}
		for _, name := range names {
			if !series[name] && !elsewhere.MatchString(name) {
				t.Errorf("%s asks for %s, which the server has not", place, name)
			}
		}
		if message := unbalanced(expression); message != "" {
			t.Errorf("%s: %s", place, message)
		}
	}
}

// unbalanced says which bracket of an expression is not closed.
func unbalanced(expression string) string {
	var open []rune
	quoted := false
	closes := map[rune]rune{')': '(', ']': '[', '}': '{'}
	for _, r := range expression {
		switch {
		case r == '"':
			quoted = !quoted
		case quoted:
		case strings.ContainsRune("([{", r):
			open = append(open, r)
		case closes[r] != 0:
			if len(open) == 0 || open[len(open)-1] != closes[r] {
				return "unbalanced " + string(r)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 || quoted {
		return "something is not closed"
	}
	return ""
}

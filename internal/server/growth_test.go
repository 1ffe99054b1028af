//go:build unix

package server

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/store/storetest"
)

// An operation is one that a registry answers all day, and that must cost the
// same however much there is. request makes the nth request; each number is
// used once.
type operation struct {
	name    string
	status  int
	request func(f *fixture, n int) *http.Request
}

func operations() []operation {
	return []operation{
		{"manifest GET by tag", 200, func(f *fixture, n int) *http.Request {
			return f.v2("GET", "/v2/app/manifests/"+f.tagged(n).Tag, nil)
		}},
		{"manifest HEAD by tag", 200, func(f *fixture, n int) *http.Request {
			return f.v2("HEAD", "/v2/app/manifests/"+f.tagged(n).Tag, nil)
		}},
		{"manifest GET by digest", 200, func(f *fixture, n int) *http.Request {
			return f.v2("GET", "/v2/app/manifests/"+f.image(n).Digest, nil)
		}},
		{"manifest HEAD by digest", 200, func(f *fixture, n int) *http.Request {
			return f.v2("HEAD", "/v2/app/manifests/"+f.image(n).Digest, nil)
		}},
		{"manifest that is not there", 404, func(f *fixture, n int) *http.Request {
			return f.v2("GET", fmt.Sprintf("/v2/app/manifests/none-%d", n), nil)
		}},
		{"blob HEAD", 200, func(f *fixture, n int) *http.Request {
			return f.v2("HEAD", "/v2/app/blobs/"+digest.FromBytes(f.image(n).Layer).String(), nil)
		}},
		{"blob GET", 200, func(f *fixture, n int) *http.Request {
			return f.v2("GET", "/v2/app/blobs/"+digest.FromBytes(f.image(n).Layer).String(), nil)
		}},
		{"blob upload", 201, func(f *fixture, n int) *http.Request {
			blob := fmt.Appendf(nil, "a new blob %d", n)
			return f.v2("POST", "/v2/app/blobs/uploads/?digest="+url.QueryEscape(digest.FromBytes(blob).String()), blob)
		}},
		{"blob mount from anywhere", 201, func(f *fixture, n int) *http.Request {
			return f.v2("POST", "/v2/"+f.mounts+"/blobs/uploads/?mount="+digest.FromBytes(f.image(n).Layer).String(), nil)
		}},
		{"PutImage, new image and tag", 200, func(f *fixture, n int) *http.Request {
			return f.api("PutImage", f.app("imageManifest", f.newManifest(n), "imageTag", fmt.Sprintf("new-%d", n)))
		}},
		{"PutImage, another tag", 200, func(f *fixture, n int) *http.Request {
			return f.api("PutImage", f.app("imageManifest", string(f.image(n).Manifest), "imageTag", fmt.Sprintf("other-%d", n)))
		}},
		{"PutImage, moved tag", 200, func(f *fixture, n int) *http.Request {
			return f.api("PutImage", f.app("imageManifest", string(f.image(n).Manifest), "imageTag", "latest"))
		}},
		{"BatchGetImage", 200, func(f *fixture, n int) *http.Request {
			return f.api("BatchGetImage", f.app("imageIds", []any{map[string]any{"imageTag": f.tagged(n).Tag}}))
		}},
		{"BatchCheckLayerAvailability", 200, func(f *fixture, n int) *http.Request {
			image := f.image(n)
			return f.api("BatchCheckLayerAvailability", f.app("layerDigests", []any{digest.FromBytes(image.Layer), digest.FromBytes(image.SharedLayer)}))
		}},
		{"GetDownloadUrlForLayer", 200, func(f *fixture, n int) *http.Request {
			return f.api("GetDownloadUrlForLayer", f.app("layerDigest", digest.FromBytes(f.image(n).SharedLayer)))
		}},
		{"DescribeImages, first page", 200, func(f *fixture, _ int) *http.Request {
			return f.api("DescribeImages", f.app("maxResults", 50))
		}},
		{"DescribeImages, deep page", 200, func(f *fixture, _ int) *http.Request {
			return f.api("DescribeImages", f.app("maxResults", 50, "nextToken", f.tokens["DescribeImages"]))
		}},
		{"DescribeImages, tagged", 200, func(f *fixture, _ int) *http.Request {
			return f.api("DescribeImages", f.app("maxResults", 50, "filter", map[string]any{"tagStatus": "TAGGED"}))
		}},
		{"DescribeImages by id", 200, func(f *fixture, n int) *http.Request {
			return f.api("DescribeImages", f.app("imageIds", []any{map[string]any{"imageDigest": f.image(n).Digest}}))
		}},
		{"ListImages, tagged", 200, func(f *fixture, _ int) *http.Request {
			return f.api("ListImages", f.app("maxResults", 50, "filter", map[string]any{"tagStatus": "TAGGED"}))
		}},
		{"ListImages, untagged", 200, func(f *fixture, _ int) *http.Request {
			return f.api("ListImages", f.app("maxResults", 10, "filter", map[string]any{"tagStatus": "UNTAGGED"}))
		}},
		{"ListImages, deep page", 200, func(f *fixture, _ int) *http.Request {
			return f.api("ListImages", f.app("maxResults", 50, "nextToken", f.tokens["ListImages"]))
		}},
		{"tags/list page", 200, func(f *fixture, _ int) *http.Request {
			return f.v2("GET", "/v2/app/tags/list?n=50&last=v", nil)
		}},
		{"tags/list deep page", 200, func(f *fixture, _ int) *http.Request {
			return f.v2("GET", "/v2/app/tags/list?n=25&last="+f.tagged(f.load.Images/2).Tag, nil)
		}},
		{"referrers", 200, func(f *fixture, n int) *http.Request {
			return f.v2("GET", "/v2/app/referrers/"+f.load.Image(n*20%f.load.Images/20*20+6).Digest, nil)
		}},
		{"catalog page", 200, func(f *fixture, _ int) *http.Request { return f.v2("GET", "/v2/_catalog?n=20", nil) }},
		{"DescribeRepositories, first page", 200, func(f *fixture, _ int) *http.Request {
			return f.api("DescribeRepositories", map[string]any{"maxResults": 20})
		}},
		{"DescribeRepositories, deep page", 200, func(f *fixture, _ int) *http.Request {
			return f.api("DescribeRepositories", map[string]any{"maxResults": 20, "nextToken": f.tokens["DescribeRepositories"]})
		}},
		{"DescribeRepositories by name", 200, func(f *fixture, n int) *http.Request {
			return f.api("DescribeRepositories", map[string]any{"repositoryNames": []string{f.load.RepositoryName(n % f.load.Repositories)}})
		}},
		{"CreateRepository", 200, func(f *fixture, n int) *http.Request {
			return f.api("CreateRepository", map[string]any{"repositoryName": fmt.Sprintf("new-%d", n)})
		}},
		{"DeleteRepository", 200, func(f *fixture, n int) *http.Request {
			return f.api("DeleteRepository", map[string]any{"repositoryName": f.extra("gone", n)})
		}},
		{"BatchDeleteImage by tag", 200, func(f *fixture, n int) *http.Request {
			return f.api("BatchDeleteImage", f.app("imageIds", []any{map[string]any{"imageTag": fmt.Sprintf("other-%d", n)}}))
		}},
		{"BatchDeleteImage by digest", 200, func(f *fixture, n int) *http.Request {
			return f.api("BatchDeleteImage", f.app("imageIds", []any{map[string]any{"imageDigest": digest.FromString(f.newManifest(n))}}))
		}},
	}
}

// app is a request on the repository with the images.
func (f *fixture) app(members ...any) map[string]any {
	in := map[string]any{"repositoryName": f.load.Repository}
	for pair := range slices.Chunk(members, 2) {
		in[pair[0].(string)] = pair[1]
	}
	return in
}

// image returns images far from each other, so that no page of the database
// serves two requests.
func (f *fixture) image(n int) storetest.LoadedImage {
	return f.load.Image(n * 7919 % f.load.Images)
}

// tagged is image for one with a tag.
func (f *fixture) tagged(n int) storetest.LoadedImage {
	for i := n * 7919 % f.load.Images; ; i = (i + 1) % f.load.Images {
		if image := f.load.Image(i); image.Tag != "" {
			return image
		}
	}
}

// newManifest is one that is not there yet, of blobs that are.
func (f *fixture) newManifest(n int) string {
	return string(bytes.Replace(f.tagged(n).Manifest, []byte(`{`), fmt.Appendf(nil, `{"annotations":{"new":"%d"},`, n), 1))
}

// extra makes a repository and returns its name.
func (f *fixture) extra(prefix string, n int) string {
	name := fmt.Sprintf("%s-%d", prefix, n)
	f.send(f.api("CreateRepository", map[string]any{"repositoryName": name}), http.StatusOK)
	return name
}

// goDeep walks to the middle of the listings, and remembers the tokens there.
func (f *fixture) goDeep() {
	f.tb.Helper()
	f.mounts = f.extra("mounts", int(time.Now().UnixNano()))
	f.tokens = map[string]string{
		"DescribeImages":       f.walk("DescribeImages", f.app(), f.load.Images/2),
		"ListImages":           f.walk("ListImages", f.app(), f.load.Images/3),
		"DescribeRepositories": f.walk("DescribeRepositories", map[string]any{}, f.load.Repositories/2),
	}
}

// walk returns the token of the page after so many items.
func (f *fixture) walk(operation string, in map[string]any, items int) string {
	f.tb.Helper()
	var out struct{ NextToken string }
	for items > 0 {
		size := min(items, 1000)
		items -= size
		page := maps.Clone(in)
		page["maxResults"] = size
		if out.NextToken != "" {
			page["nextToken"] = out.NextToken
		}
		out.NextToken = ""
		f.ask(f.api(operation, page), http.StatusOK, &out)
	}
	if out.NextToken == "" {
		f.tb.Fatalf("%s ended early", operation)
	}
	return out.NextToken
}

// A cost is what one request takes.
type cost struct{ cpu, wall time.Duration }

// measure answers requests, made beforehand, and returns what one of them costs.
func (f *fixture) measure(o operation, first, count int) cost {
	f.tb.Helper()
	requests := make([]*http.Request, count)
	for i := range requests {
		requests[i] = o.request(f, first+i)
	}
	answers := make([]*httptest.ResponseRecorder, count)
	runtime.GC()
	cpu, start := cpuTime(f.tb), time.Now()
	for i, r := range requests {
		answers[i] = httptest.NewRecorder()
		f.handler.ServeHTTP(answers[i], r)
	}
	total := cost{cpuTime(f.tb) - cpu, time.Since(start)}
	for _, w := range answers {
		if w.Code != o.status || bytes.Contains(w.Body.Bytes(), []byte(`"failureCode"`)) {
			f.tb.Fatalf("%s: status %d: %s", o.name, w.Code, w.Body)
		}
	}
	return cost{total.cpu / time.Duration(count), total.wall / time.Duration(count)}
}

// cpuTime is what the process has used so far.
func cpuTime(tb testing.TB) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// Reading what is stored in place of what is asked for would make each of these
// a hundred times dearer in the larger registry. CPU time hardly depends on
// what else the machine does, and of several measurements the least counts: what
// disturbs only adds.
func TestNoOperationCostsMoreInALargeRegistry(t *testing.T) {
	const (
		count  = 10
		rounds = 4
		most   = 3
		noise  = 300 * time.Microsecond // of a clock that the kernel may move in steps
	)
	small := newFixture(t, storetest.Load{Images: 200, Repositories: 100}, "")
	large := newFixture(t, storetest.Load{Images: 10_000, Repositories: 5000}, "")
	small.goDeep()
	large.goDeep()
	for _, o := range operations() {
		least := [2]time.Duration{time.Hour, time.Hour}
		for round := range rounds {
			for i, f := range []*fixture{small, large} {
				least[i] = min(least[i], f.measure(o, round*count, count).cpu)
			}
		}
		t.Logf("%-34s %8v %8v", o.name, least[0].Round(time.Microsecond), least[1].Round(time.Microsecond))
		if least[1] > most*least[0]+noise {
			t.Errorf("%s takes %v of CPU time among %d images and %v among %d", o.name, least[1], large.load.Images, least[0], small.load.Images)
		}
	}
}

// BenchmarkGrowth prints what each operation costs in a small registry and in a
// large one, which has a million images and 100,000 repositories when
// NIFUDA_SOAK is set: the medians of three measurements, taken in turn.
// NIFUDA_GROWTH_DATABASE names a database that is loaded already, with as many
// images as NIFUDA_GROWTH_IMAGES says and a tenth of that in repositories.
func BenchmarkGrowth(b *testing.B) {
	benchmarkGrowth(b, newFixture(b, storetest.Load{Images: 200, Repositories: 100}, ""), largeFixture(b), 20, 3)
}

func benchmarkGrowth(b *testing.B, small, large *fixture, count, rounds int) {
	small.goDeep()
	large.goDeep()
	base := int(time.Now().UnixMilli() % 1e9) // a database that is used again has other numbers
	for b.Loop() {
		// Not by the benchmark's log, which is cut after ten lines.
		fmt.Printf("\n%-34s %11s %11s %6s %11s %11s %6s\n", "", "CPU, small", "CPU, large", "ratio", "time, small", "time, large", "ratio")
		for _, o := range operations() {
			var costs [2][]cost
			for round := range rounds {
				for i, f := range []*fixture{small, large} {
					costs[i] = append(costs[i], f.measure(o, base+round*count, count))
				}
			}
			cpu := func(c cost) time.Duration { return c.cpu }
			wall := func(c cost) time.Duration { return c.wall }
			fmt.Printf("%-34s %s %s\n", o.name, compare(costs, cpu), compare(costs, wall))
		}
	}
}

// BenchmarkGrowthPostgres is BenchmarkGrowth on PostgreSQL: 1,000 images in 101
// repositories beside 20,000 in 1,001, or beside a million in 10,001 when
// NIFUDA_SOAK is set.
func BenchmarkGrowthPostgres(b *testing.B) {
	load := storetest.Load{Images: 10_000, Repositories: 1000, Each: 10, Collected: true}
	if os.Getenv("NIFUDA_SOAK") != "" {
		load.Repositories, load.Each = 10_000, 99
	}
	small := newFixture(b, storetest.Load{Images: 200, Repositories: 100, Each: 8, Collected: true}, storetest.PostgresURL(b))
	begin := time.Now()
	large := newFixture(b, load, storetest.PostgresURL(b))
	fmt.Printf("loaded in %v\n", time.Since(begin).Round(time.Second))
	benchmarkGrowth(b, small, large, 50, 7)
}

func largeFixture(b *testing.B) *fixture {
	load := storetest.Load{Images: 10_000, Repositories: 1000}
	if os.Getenv("NIFUDA_SOAK") != "" {
		load = storetest.Load{Images: 1_000_000, Repositories: 100_000}
	}
	database := os.Getenv("NIFUDA_GROWTH_DATABASE")
	if database == "" {
		return newFixture(b, load, "")
	}
	images, err := strconv.Atoi(os.Getenv("NIFUDA_GROWTH_IMAGES"))
	if err != nil {
		b.Fatal(err)
	}
	f := newUnsealedServer(b, database)
	f.load = storetest.Load{Images: images, Repositories: images / 10, Repository: "app"}
	return f
}

// compare prints the medians of a figure and their ratio.
func compare(costs [2][]cost, figure func(cost) time.Duration) string {
	var medians [2]time.Duration
	for i, all := range costs {
		slices.SortFunc(all, func(a, b cost) int { return cmp.Compare(figure(a), figure(b)) })
		medians[i] = figure(all[len(all)/2])
	}
	return fmt.Sprintf("%11v %11v %6.2f", medians[0].Round(time.Microsecond), medians[1].Round(time.Microsecond), float64(medians[1])/float64(medians[0]))
}

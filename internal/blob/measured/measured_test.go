package measured_test

import (
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/blob/blobtest"
	"github.com/nifuda/nifuda/internal/blob/file"
	"github.com/nifuda/nifuda/internal/blob/measured"
)

func openFiles(t *testing.T, dir string) *file.Store {
	t.Helper()
	files, err := file.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := files.Close(); err != nil {
			t.Error(err)
		}
	})
	return files
}

func TestAMeasuredStoreIsAStore(t *testing.T) {
	directories := map[*testing.T]string{}
	blobtest.Run(t, func(t *testing.T) blob.Store {
		if directories[t] == "" {
			directories[t] = t.TempDir()
		}
		return measured.New(openFiles(t, directories[t]), prometheus.NewRegistry())
	})
}

func TestCallsAndBytesAreCounted(t *testing.T) {
	metrics := prometheus.NewRegistry()
	s := measured.New(openFiles(t, t.TempDir()), metrics)
	ctx := t.Context()
	w, err := s.Create(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("four")); err != nil {
		t.Fatal(err)
	}
	state, err := w.Save(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if w, err = s.Resume(ctx, state, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("more")); err != nil {
		t.Fatal(err)
	}
	location, _, err := w.Commit(ctx, digest.FromString("fourmore"))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := s.Open(ctx, location, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := opened.(*os.File); !ok {
		t.Errorf("opened a %T, which the kernel cannot send", opened)
	}
	if err := opened.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Open(ctx, blob.Location(strings.Replace(string(location), "0", "1", 1)), nil, 0); err == nil {
		t.Error("opened what is not there")
	}
	want := map[string]float64{
		"nifuda_blob_written_bytes_total": 8, "create ok": 1, "save ok": 1, "resume ok": 1, "commit ok": 1, "open ok": 1, "open not_found": 1,
	}
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name, value := family.GetName(), m.GetCounter().GetValue()
			if h := m.GetHistogram(); h != nil {
				name, value = m.GetLabel()[0].GetValue()+" "+m.GetLabel()[1].GetValue(), float64(h.GetSampleCount())
			}
			if want[name] != value {
				t.Errorf("%s: %v, want %v", name, value, want[name])
			}
			delete(want, name)
		}
	}
	for name := range want {
		t.Errorf("no %s", name)
	}
}

package main

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

func compare(a, b float64) int { return cmp.Compare(a, b) }

func scale(d time.Duration, by float64) time.Duration {
	return time.Duration(float64(d) * by)
}

// machine prints what the machine can do at most.
func machine(w io.Writer) {
	fmt.Fprintf(w, "Machine: %d cores, %s, %s/%s, %s.\n", runtime.NumCPU(), processor(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	fmt.Fprintf(w, "SHA-256 on one core: %s MiB/s. Write and fsync of 512 MiB: %s MiB/s. One fsync of 4 KiB: %s ms.\n\n",
		number(best(hashing)), number(best(writing)), number(1/best(syncing)*1000))
}

func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// best is the highest rate of three tries.
func best(measure func() float64) (rate float64) {
	for range 3 {
		rate = max(rate, measure())
	}
	return rate
}

func hashing() float64 {
	block := make([]byte, 1<<20)
	hash := sha256.New()
	began := time.Now()
	const blocks = 512
	for range blocks {
		hash.Write(block)
	}
	return blocks / time.Since(began).Seconds()
}

func writing() float64 {
	const mebibytes = 512
	return onFile(func(f *os.File) (float64, error) {
		block := make([]byte, 1<<20)
		began := time.Now()
		for range mebibytes {
			if _, err := f.Write(block); err != nil {
				return 0, err
			}
		}
		err := f.Sync()
		return mebibytes / time.Since(began).Seconds(), err
	})
}

// syncing is fsync calls a second.
func syncing() float64 {
	return onFile(func(f *os.File) (float64, error) {
		block := make([]byte, 4<<10)
		const times = 100
		if _, err := f.Write(make([]byte, times*len(block))); err != nil {
			return 0, err
		}
		began := time.Now()
		for i := range times {
			if _, err := f.WriteAt(block, int64(i*len(block))); err != nil {
				return 0, err
			}
			if err := f.Sync(); err != nil {
				return 0, err
			}
		}
		return times / time.Since(began).Seconds(), nil
	})
}

// onFile runs a measurement on a new file; 0 is a failed one.
func onFile(measure func(*os.File) (float64, error)) float64 {
	f, err := os.CreateTemp("", "nifuda-bench-")
	if err != nil {
		return 0
	}
	defer os.Remove(f.Name())
	defer f.Close()
	rate, err := measure(f)
	if err != nil {
		return 0
	}
	return rate
}
